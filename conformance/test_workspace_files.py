"""`/Workspace` in Python: what the user has in the workspace, as files and modules, and nothing of others."""

import base64

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ImportFormat
from databricks.sdk.service.workspace import Language as Of

from server import WITH_CODE, Server, temporary_directory
from test_python import Python


@pytest.fixture(scope="module")
def client():
    with temporary_directory() as directory:
        server = Server(directory, env=WITH_CODE)
        try:
            yield WorkspaceClient(host=server.url, token=server.token)
        finally:
            server.stop()


@pytest.fixture(scope="module")
def home(client):
    """A directory with modules, a file and a notebook."""
    home = f"/Users/{client.current_user.me().user_name}/tools"
    client.workspace.mkdirs(f"{home}/inner")
    files = {"plain.py": "WORD = 'plain'\n", "inner/__init__.py": "from inner.deep import WORD\n", "inner/deep.py": "WORD = 'deep'\n", "data.txt": "one\ntwo\n"}
    for name, text in files.items():
        client.workspace.import_(f"{home}/{name}", content=base64.b64encode(text.encode()).decode(), format=ImportFormat.RAW)
    notebook = "# Databricks notebook source\nfrom_notebook = 6\n\n# COMMAND ----------\n\nfrom_notebook *= 7\n"
    client.workspace.import_(f"{home}/book", content=base64.b64encode(notebook.encode()).decode(), format=ImportFormat.SOURCE, language=Of.PYTHON)
    return home


@pytest.fixture(scope="module")
def python(client):
    python = Python(client)
    yield python
    python.destroy()


def test_files_are_read_and_never_written(python, home):
    at = f"/Workspace{home}"
    assert python.text(f"open({at + '/data.txt'!r}).read()") == repr("one\ntwo\n")
    assert python.text(f"import pathlib; pathlib.Path({at + '/data.txt'!r}).read_bytes()") == repr(b"one\ntwo\n")
    assert python.text(f"import os; sorted(os.listdir({at!r}))") == repr(["book", "data.txt", "inner", "plain.py"])
    found = f"[os.path.exists({at + '/data.txt'!r}), os.path.isdir({at!r}), os.path.exists({at + '/no'!r}), os.path.getsize({at + '/data.txt'!r})]"
    assert python.text(found) == repr([True, True, False, 8])
    assert python.text(f"sorted(os.path.relpath(os.path.join(top, name), {at!r}) for top, _, names in os.walk({at!r}) for name in names)") == repr(
        ["book", "data.txt", "inner/__init__.py", "inner/deep.py", "plain.py"]
    )
    for wrong, says in [(f"open({at + '/data.txt'!r}, 'w')", "read-only"), (f"open({at + '/no'!r})", "FileNotFoundError"), (f"open({at!r})", "IsADirectoryError")]:
        assert says in python.error(wrong)


def test_modules_are_imported_and_notebooks_run(python, home):
    at = f"/Workspace{home}"
    assert python.text(f"import sys; sys.path.append({at!r}); import plain, inner, inner.deep; (plain.WORD, inner.WORD, inner.deep.__file__)") == repr(("plain", "deep", f"{at}/inner/deep.py"))
    assert python.text(f"%run {home}/book\nfrom_notebook") == "42"
    assert "from its root on" in python.error("%run ./book")


def test_what_is_another_s_is_not_there(client, home):
    principal = client.service_principals.create(display_name="stranger", active=True)
    token = client.token_management.create_obo_token(application_id=principal.application_id).token_value
    stranger = Python(WorkspaceClient(host=client.config.host, token=token))
    at = f"/Workspace{home}"
    for wrong in (f"open({at + '/data.txt'!r})", f"import os; os.listdir({at!r})", f"import sys; sys.path.append({at!r}); import plain", f"%run {home}/book"):
        assert any(says in stranger.error(wrong) for says in ("PermissionError", "FileNotFoundError", "ModuleNotFoundError")), wrong
    assert stranger.text(f"os.path.exists({at + '/data.txt'!r})") == "False"
    stranger.destroy()
