"""`dbutils` in a Biplane sandbox: files on volumes as the user, widgets, the end of a command, a new interpreter."""

import os
import shutil
import urllib.parse
from collections import namedtuple

import biplane

# Values of secrets: what shows them shows `[REDACTED]` instead. Against mistakes, not against intent.
HIDDEN = {os.environ[name] for name in os.environ.get("BIPLANE_SECRET_NAMES", "").split(",") if name in os.environ}


def hide(value):
    """The same without the values of secrets."""
    if isinstance(value, str):
        for word in sorted(HIDDEN, key=len, reverse=True):
            if word.strip():
                value = value.replace(word, "[REDACTED]")
        return value
    if isinstance(value, list):
        return [hide(one) for one in value]
    if isinstance(value, dict):
        return {key: hide(one) for key, one in value.items()}
    return value


SecretMetadata = namedtuple("SecretMetadata", ["key"])
SecretScope = namedtuple("SecretScope", ["name"])
FileInfo = namedtuple("FileInfo", ["path", "name", "size", "modificationTime"])

TEXT_CHARS_MAX = 512 << 10
FILES, DIRECTORIES = "/api/2.0/fs/files", "/api/2.0/fs/directories"
PAGES_MAX = 10_000


class Exit(BaseException):
    """`dbutils.notebook.exit`: the command ends with this value."""

    def __init__(self, value):
        super().__init__(value)
        self.value = str(value)[:TEXT_CHARS_MAX]


class Restart(BaseException):
    """`dbutils.library.restartPython`: the next command gets a new interpreter."""


class _Client(biplane._Client):
    def request(self, method, path, body=None, query=None):
        """Status, headers and the body; the caller reads the last."""
        import json

        with open(biplane._TOKEN) as file:
            headers = {"Authorization": "Bearer " + json.load(file)["token"], "User-Agent": "biplane-dbutils"}
        target = urllib.parse.quote(path) + ("?" + urllib.parse.urlencode(query) if query else "")
        if body is not None and not isinstance(body, bytes):
            headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
        elif method == "PUT":
            headers["Content-Length"] = str(len(body or b""))
        self.connection.request(method, target, body, headers)
        answer = self.connection.getresponse()
        if answer.status >= 400:
            raise biplane._error(answer.read(), answer.status)
        return answer


def _place(path):
    """("volume", path) or ("local", path)."""
    path = os.fspath(path)
    if path.startswith("file:"):
        return "local", "/" + path[5:].lstrip("/")
    if path.startswith("dbfs:"):
        path = "/" + path[5:].lstrip("/")
    if path == "/Volumes" or path.startswith("/Volumes/"):
        return "volume", path.rstrip("/") or "/"
    raise biplane.Error("INVALID_PARAMETER_VALUE", f"{path} is neither on a volume (/Volumes/…) nor local (file:/…); there is no DBFS root here.")


def _volume(path, what):
    kind, path = _place(path)
    if kind != "volume":
        raise biplane.Error("INVALID_PARAMETER_VALUE", f"{what} takes paths on volumes.")
    return path


class Files:
    """dbutils.fs"""

    def ls(self, dir):
        kind, path = _place(dir)
        if kind == "local":
            entries = sorted(os.scandir(path), key=lambda entry: entry.name) if os.path.isdir(path) else []
            return [self._local(entry.path) for entry in entries] if os.path.isdir(path) else [self._local(path)]
        found, token = [], None
        for _ in range(PAGES_MAX):
            with _Client() as client:
                import json

                answer = json.loads(client.request("GET", DIRECTORIES + path + "/", query={"page_token": token} if token else None).read() or b"{}")
            for entry in answer.get("contents") or []:
                folder = "/" if entry.get("is_directory") else ""
                name = entry["name"].rstrip("/") + folder
                found.append(FileInfo("dbfs:" + entry["path"].rstrip("/") + folder, name, entry.get("file_size") or 0, entry.get("last_modified") or 0))
            token = answer.get("next_page_token")
            if not token:
                break
        return found

    @staticmethod
    def _local(path):
        about, folder = os.stat(path), "/" if os.path.isdir(path) else ""
        return FileInfo("file:" + path + folder, os.path.basename(path) + folder, 0 if folder else about.st_size, int(about.st_mtime * 1000))

    def mkdirs(self, dir):
        kind, path = _place(dir)
        if kind == "local":
            os.makedirs(path, exist_ok=True)
        else:
            with _Client() as client:
                client.request("PUT", DIRECTORIES + path + "/").read()
        return True

    def put(self, file, contents, overwrite=False):
        data = contents.encode() if isinstance(contents, str) else bytes(contents)
        kind, path = _place(file)
        if kind == "local":
            with open(path, "wb" if overwrite else "xb") as target:
                target.write(data)
        else:
            with _Client() as client:
                client.request("PUT", FILES + path, data, {"overwrite": str(bool(overwrite)).lower()}).read()
        print(f"Wrote {len(data)} bytes.")
        return True

    def head(self, file, maxBytes=65536):
        kind, path = _place(file)
        if kind == "local":
            with open(path, "rb") as source:
                return source.read(maxBytes).decode("utf-8", "replace")
        with _Client() as client:
            return client.request("GET", FILES + path).read(maxBytes).decode("utf-8", "replace")

    def _is_directory(self, kind, path):
        if kind == "local":
            return os.path.isdir(path)
        try:
            with _Client() as client:
                client.request("HEAD", DIRECTORIES + path + "/").read()
            return True
        except biplane.Error:
            return False

    def cp(self, source, dest, recurse=False):
        here, there = _place(source), _place(dest)
        if self._is_directory(*here):
            if not recurse:
                raise biplane.Error("INVALID_PARAMETER_VALUE", f"{source} is a directory; copy it with recurse=True.")
            self.mkdirs(dest)
            for entry in self.ls(source):
                self.cp(entry.path.rstrip("/"), os.fspath(dest).rstrip("/") + "/" + entry.name.rstrip("/"), True)
            return True
        if self._is_directory(*there):
            there = (there[0], there[1].rstrip("/") + "/" + os.path.basename(here[1]))
        if here[0] == "local" and there[0] == "local":
            shutil.copyfile(here[1], there[1])
        elif there[0] == "local":
            with _Client() as client, open(there[1], "wb") as target:
                shutil.copyfileobj(client.request("GET", FILES + here[1]), target, 1 << 20)
        elif here[0] == "local":
            with _Client() as client, open(here[1], "rb") as file:
                client.request("PUT", FILES + there[1], file, {"overwrite": "true"}).read()
        else:
            self._between(here[1], there[1])
        return True

    @staticmethod
    def _between(source, dest):
        import tempfile

        with tempfile.TemporaryFile() as held:
            with _Client() as client:
                shutil.copyfileobj(client.request("GET", FILES + source), held, 1 << 20)
            held.seek(0)
            with _Client() as client:
                client.request("PUT", FILES + dest, held, {"overwrite": "true"}).read()

    def mv(self, source, dest, recurse=False):
        self.cp(source, dest, recurse)
        return self.rm(source, recurse)

    def rm(self, dir, recurse=False):
        kind, path = _place(dir)
        if not self._is_directory(kind, path):
            if kind == "local":
                os.remove(path)
            else:
                with _Client() as client:
                    client.request("DELETE", FILES + path).read()
            return True
        if recurse and kind == "local":
            shutil.rmtree(path)
            return True
        if recurse:
            for entry in self.ls(dir):
                self.rm(entry.path.rstrip("/"), True)
        if kind == "local":
            os.rmdir(path)
        else:
            with _Client() as client:
                client.request("DELETE", DIRECTORIES + path + "/").read()
        return True

    def _unsupported(self, *_, **__):
        raise biplane.Error("FEATURE_DISABLED", "Mounts are not supported; use volumes.")

    mount = unmount = updateMount = refreshMounts = mounts = _unsupported


class Secrets:
    """dbutils.secrets"""

    @staticmethod
    def _ask(path, **query):
        import json

        with _Client() as client:
            return json.loads(client.request("GET", "/api/2.0/secrets/" + path, query=query).read() or b"{}")

    def getBytes(self, scope, key):
        import base64

        value = base64.b64decode(self._ask("get", scope=scope, key=key)["value"])
        HIDDEN.add(value.decode("utf-8", "replace"))
        return value

    def get(self, scope, key):
        return self.getBytes(scope, key).decode()

    def list(self, scope):
        return [SecretMetadata(one["key"]) for one in self._ask("list", scope=scope).get("secrets") or []]

    def listScopes(self):
        return [SecretScope(one["name"]) for one in self._ask("scopes/list").get("scopes") or []]


class Widgets:
    """dbutils.widgets: named values of the context."""

    def __init__(self):
        self._values = {}

    def text(self, name, defaultValue, label=None):
        self._values.setdefault(name, str(defaultValue))

    def _choice(self, name, defaultValue, choices, label=None):
        if defaultValue not in choices:
            raise ValueError(f"{defaultValue!r} is none of the choices of {name}")
        self._values.setdefault(name, str(defaultValue))

    dropdown = multiselect = _choice

    def combobox(self, name, defaultValue, choices, label=None):
        self._values.setdefault(name, str(defaultValue))

    def get(self, name):
        if name not in self._values:
            raise ValueError(f"No input widget named {name} is defined")
        return self._values[name]

    def getArgument(self, name, defaultValue=None):
        return self._values.get(name, defaultValue)

    def getAll(self):
        return dict(self._values)

    def remove(self, name):
        self._values.pop(name, None)

    def removeAll(self):
        self._values.clear()


class Notebook:
    """dbutils.notebook"""

    def exit(self, value=""):
        raise Exit(value)

    def run(self, *_, **__):
        raise biplane.Error("FEATURE_DISABLED", "Running other notebooks is not supported by this server.")


class Library:
    """dbutils.library"""

    def restartPython(self):
        raise Restart()


class DBUtils:
    def __init__(self):
        self.fs, self.secrets, self.widgets = Files(), Secrets(), Widgets()
        self.notebook, self.library = Notebook(), Library()

    def help(self, *_):
        print("dbutils.fs, dbutils.secrets, dbutils.widgets, dbutils.notebook.exit, dbutils.library.restartPython")
