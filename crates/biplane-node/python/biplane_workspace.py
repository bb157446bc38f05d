"""`/Workspace` for code of users: the objects of the workspace, as the user, read-only. There is no such directory in
the sandbox: what Python opens, lists or imports below it is asked for, and what the user may not see is not there."""

import builtins
import errno
import importlib.abc
import importlib.util
import io
import json
import os
import posixpath
import stat
import sys
import tempfile
import time

import biplane
from biplane_dbutils import _Client

ROOT = "/Workspace"
API = "/api/2.0/workspace/"
FILE_BYTES_MAX = 256 << 20
# An answer is taken for as long as a command that looks at one place again and again may go on.
KEPT_S = 1.0
KEPT_MAX = 256
DENIED = {"PERMISSION_DENIED": errno.EACCES, "RESOURCE_DOES_NOT_EXIST": errno.ENOENT, "NOT_FOUND": errno.ENOENT, "INVALID_PARAMETER_VALUE": errno.ENOENT}

_open, _stat, _lstat, _listdir, _scandir = builtins.open, os.stat, os.lstat, os.listdir, os.scandir
_kept = {}


def ours(path):
    """The path in the workspace; None: it is another's."""
    if not isinstance(path, (str, os.PathLike)):
        return None
    path = os.fspath(path)
    if not isinstance(path, str) or not path.startswith(ROOT):
        return None
    path = posixpath.normpath(path)
    return path if path == ROOT or path.startswith(ROOT + "/") else None


def ask(what, path, **query):
    """The body of an answer, or an error as of the file system."""
    try:
        with _Client() as client:
            answer = client.request("GET", API + what, query={"path": path, **query})
            body = answer.read(FILE_BYTES_MAX + 1)
    except biplane.Error as error:
        number = DENIED.get(error.code, errno.EIO)
        raise OSError(number, os.strerror(number) if number != errno.EIO else str(error), path) from None
    if len(body) > FILE_BYTES_MAX:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return body


def kept(what, path):
    now = time.monotonic()
    until, value = _kept.get((what, path), (0, None))
    if until <= now:
        try:
            value = json.loads(ask(what, path) or b"{}")
        except OSError as error:
            value = error
        if len(_kept) >= KEPT_MAX:
            _kept.clear()
        _kept[what, path] = (now + KEPT_S, value)
    if isinstance(value, OSError):
        raise OSError(value.errno, value.strerror, path)
    return value


def about(path):
    if path == ROOT:
        return {"object_type": "DIRECTORY", "path": "/"}
    return kept("get-status", path)


def entries(path):
    if about(path)["object_type"] != "DIRECTORY":
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return kept("list", path).get("objects") or []


def name(entry):
    return entry["path"].rstrip("/").rsplit("/", 1)[-1]


def read(path):
    kind = about(path)["object_type"]
    if kind == "DIRECTORY":
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return ask("export", path, format="SOURCE" if kind == "NOTEBOOK" else "AUTO", direct_download="true")


def result(entry):
    folder = entry["object_type"] == "DIRECTORY"
    mode = stat.S_IFDIR | 0o555 if folder else stat.S_IFREG | 0o444
    changed, made = ((entry.get(when) or 0) // 1000 for when in ("modified_at", "created_at"))
    size = 0 if folder else entry.get("size") or 0
    return os.stat_result((mode, entry.get("object_id", 0), 0, 1, os.getuid(), os.getgid(), size, changed, changed, made))


class Entry:
    """As `os.DirEntry`."""

    def __init__(self, folder, entry):
        self.name, self._entry = name(entry), entry
        self.path = posixpath.join(folder, self.name)

    def __fspath__(self):
        return self.path

    def inode(self):
        return self._entry.get("object_id", 0)

    def is_dir(self, *, follow_symlinks=True):
        return self._entry["object_type"] == "DIRECTORY"

    def is_file(self, *, follow_symlinks=True):
        return not self.is_dir()

    def is_symlink(self):
        return False

    def stat(self, *, follow_symlinks=True):
        return result(self._entry)


class Scan:
    def __init__(self, found):
        self.found = iter(found)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.found)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass


def open_file(file, mode="r", *args, **options):
    path = ours(file)
    if path is None:
        return _open(file, mode, *args, **options)
    if set(mode) & set("wax+"):
        raise OSError(errno.EROFS, "/Workspace is read-only here", path)
    with tempfile.NamedTemporaryFile() as copy:
        copy.write(read(path))
        copy.flush()
        return _open(copy.name, mode, *args, **options)


def stat_path(path, *, dir_fd=None, follow_symlinks=True):
    at = ours(path)
    return _stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks) if at is None else result(about(at))


def lstat_path(path, *, dir_fd=None):
    at = ours(path)
    return _lstat(path, dir_fd=dir_fd) if at is None else result(about(at))


def listdir(path="."):
    at = ours(path)
    return _listdir(path) if at is None else [name(entry) for entry in entries(at)]


def scandir(path="."):
    at = ours(path)
    return _scandir(path) if at is None else Scan([Entry(at, entry) for entry in entries(at)])


class Loader(importlib.abc.SourceLoader):
    def __init__(self, path):
        self.path = path

    def get_filename(self, fullname):
        return self.path

    def get_data(self, path):
        return read(path)


class Finder(importlib.abc.PathEntryFinder):
    """Finds modules in one directory of the workspace."""

    def __init__(self, folder):
        self.folder = folder

    def find_spec(self, fullname, target=None):
        last = fullname.rpartition(".")[2]
        try:
            kinds = {name(entry): entry["object_type"] for entry in entries(self.folder)}
            within = posixpath.join(self.folder, last)
            if kinds.get(last) == "DIRECTORY":
                first = posixpath.join(within, "__init__.py")
                if any(name(entry) == "__init__.py" for entry in entries(within)):
                    return importlib.util.spec_from_file_location(fullname, first, loader=Loader(first), submodule_search_locations=[within])
        except OSError:
            return None
        if kinds.get(last + ".py") == "FILE":
            return importlib.util.spec_from_file_location(fullname, within + ".py", loader=Loader(within + ".py"))
        if kinds.get(last) == "DIRECTORY":
            spec = importlib.machinery.ModuleSpec(fullname, None)
            spec.submodule_search_locations = [within]
            return spec
        return None

    def invalidate_caches(self):
        _kept.clear()


def hook(entry):
    path = ours(entry)
    if path is None:
        raise ImportError("not in the workspace")
    return Finder(path)


def source(path):
    """Of a notebook in Python, or of a file: what `%run` runs."""
    path = path if path.startswith(ROOT + "/") else ROOT + path
    try:
        entry = about(posixpath.normpath(path))
    except FileNotFoundError:
        entry = about(posixpath.normpath(path) + ".py")
    if entry.get("language", "PYTHON") != "PYTHON":
        raise biplane.Error(None, f"{path} is a notebook in {entry['language']}: %run runs Python.")
    return read(ROOT + entry["path"]).decode()


def install():
    builtins.open = io.open = open_file
    for was, now in ((_stat, stat_path), (_lstat, lstat_path), (_listdir, listdir), (_scandir, scandir)):
        setattr(os, was.__name__, now)
        for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if was in able:
                able.add(now)
    sys.path_hooks.insert(0, hook)
