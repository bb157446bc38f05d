"""Data for code in a Biplane sandbox: `biplane.sql("SELECT …")` runs on a SQL warehouse, as you, and gives an Arrow table.

You read what you may read, and nothing else.
"""

import datetime
import decimal
import http.client
import json
import os
import socket
import time
import urllib.parse

__all__ = ["sql", "Error", "PermissionDenied"]

_DOOR = os.environ.get("BIPLANE_DOOR", "/doors/relay.sock")
_TOKEN = os.path.join(os.environ.get("BIPLANE_WORK", "/sandbox/work"), ".biplane-token")
_TIMEOUT_S = 120
_STATEMENTS = "/api/2.0/sql/statements"


class Error(Exception):
    """A statement failed. `code` is the error code of the API."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code


class PermissionDenied(Error):
    """You may not do this."""


class _Connection(http.client.HTTPConnection):
    def connect(self):
        directory = os.open(os.path.dirname(_DOOR), os.O_PATH | os.O_DIRECTORY)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{os.path.basename(_DOOR)}" if len(_DOOR) > 100 else _DOOR)
        finally:
            os.close(directory)
        self.sock.sendall(b"call\n")


class _Client:
    def __init__(self):
        self.connection = _Connection("relay", timeout=_TIMEOUT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def _send(self, method, path, body=None, signed=False):
        headers = {"Content-Type": "application/json", "User-Agent": "biplane-python"}
        if not signed:
            with open(_TOKEN) as file:
                headers["Authorization"] = "Bearer " + json.load(file)["token"]
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise _error(data, answer.status)
        return data

    def call(self, method, path, body=None):
        return json.loads(self._send(method, path, body) or b"{}")

    def download(self, link):
        parts = urllib.parse.urlsplit(link)
        return self._send("GET", parts.path + (f"?{parts.query}" if parts.query else ""), signed=True)


def _error(data, status):
    try:
        body = json.loads(data)
        return _failed(body.get("error_code"), body.get("message"))
    except ValueError:
        return Error(None, f"The control plane answered {status}.")


def _failed(code, message):
    denied = code == "PERMISSION_DENIED" or "PERMISSION_DENIED" in (message or "") or "INSUFFICIENT_PERMISSIONS" in (message or "")
    return (PermissionDenied if denied else Error)(code, message)


def _parameter(name, value):
    kind, text = "STRING", value
    if value is None:
        text = None
    elif isinstance(value, bool):
        kind, text = "BOOLEAN", "true" if value else "false"
    elif isinstance(value, int):
        kind, text = "BIGINT", str(value)
    elif isinstance(value, float):
        kind, text = "DOUBLE", repr(value)
    elif isinstance(value, decimal.Decimal):
        digits = value.as_tuple()
        scale = max(0, -digits.exponent)
        kind, text = f"DECIMAL({max(len(digits.digits), scale + 1)},{scale})", format(value, "f")
    elif isinstance(value, datetime.datetime):
        kind, text = "TIMESTAMP", value.isoformat(sep=" ")
    elif isinstance(value, datetime.date):
        kind, text = "DATE", value.isoformat()
    elif not isinstance(value, str):
        raise TypeError(f"a parameter cannot be a {type(value).__name__}")
    made = {"type": kind}
    if name is not None:
        made["name"] = name
    if text is not None:
        made["value"] = text
    return made


def _parameters(params):
    if not params:
        return []
    if isinstance(params, dict):
        return [_parameter(name, value) for name, value in params.items()]
    return [_parameter(None, value) for value in params]


def sql(statement, params=None, *, warehouse_id=None, catalog=None, schema=None):
    """Runs a statement as you; its result as a `pyarrow.Table`.

    `params`: a dict for `:name`, a list for `?`. `warehouse_id`: another warehouse than the default one.
    """
    import pyarrow

    if warehouse_id is None:
        with open(_TOKEN) as file:
            warehouse_id = json.load(file)["warehouse_id"]
        if warehouse_id is None:
            raise Error(None, "You may use no SQL warehouse in this workspace.")
    body = {
        "statement": statement, "warehouse_id": warehouse_id, "parameters": _parameters(params), "wait_timeout": "50s",
        "on_wait_timeout": "CONTINUE", "disposition": "EXTERNAL_LINKS", "format": "ARROW_STREAM",
    }  # fmt: skip
    body.update({name: value for name, value in {"catalog": catalog, "schema": schema}.items() if value is not None})
    with _Client() as client:
        answer = client.call("POST", _STATEMENTS, body)
        path, pause = f"{_STATEMENTS}/{answer['statement_id']}", 0.01
        try:
            while answer["status"]["state"] in ("PENDING", "RUNNING"):
                time.sleep(pause)
                pause = min(pause * 2, 1.0)
                answer = client.call("GET", path)
        except BaseException:
            # An interrupt, above all: the statement ends with who asked.
            with _Client() as other:
                other.call("POST", path + "/cancel", {})
            raise
        state = answer["status"]["state"]
        if state != "SUCCEEDED":
            failed = answer["status"].get("error") or {}
            raise _failed(failed.get("error_code") or state, failed.get("message") or f"The statement ended as {state}.")
        chunks = (answer.get("manifest") or {}).get("total_chunk_count") or 0
        tables = []
        for index in range(chunks):
            links = client.call("GET", f"{path}/result/chunks/{index}").get("external_links") or []
            for link in links[:1]:
                tables.append(pyarrow.ipc.open_stream(client.download(link["external_link"])).read_all())
        if tables:
            return pyarrow.concat_tables(tables)
        names = [column["name"] for column in ((answer.get("manifest") or {}).get("schema") or {}).get("columns") or []]
        return pyarrow.table({name: pyarrow.nulls(0) for name in dict.fromkeys(names)})
