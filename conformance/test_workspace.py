"""Directories, notebooks and files of a workspace, by the SDK."""

import io
import json

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from server import Server, temporary_directory
from test_python import person


@pytest.fixture(scope="module")
def site():
    with temporary_directory() as scratch:
        server = Server(scratch, env={"BIPLANE_SAMPLES_SCALE": "0"})
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def client(site):
    return WorkspaceClient(host=site.url, token=site.token)


@pytest.fixture(scope="module")
def home(client):
    return f"/Users/{client.current_user.me().user_name}"


def test_a_tree_of_notebooks_and_files(client, home):
    client.workspace.mkdirs(f"{home}/project/lib")
    client.workspace.upload(f"{home}/project/etl", b"x = 1\n", format=ImportFormat.SOURCE, language=Language.PYTHON)
    client.workspace.upload(f"{home}/project/lib/rows.csv", io.BytesIO(b"a,b\n1,2\n"), format=ImportFormat.AUTO)
    found = {one.path: one for one in client.workspace.list(home, recursive=True)}
    assert {path: one.object_type for path, one in found.items()} == {
        f"{home}/project/etl": ObjectType.NOTEBOOK,
        f"{home}/project/lib/rows.csv": ObjectType.FILE,
    }
    assert found[f"{home}/project/etl"].language == Language.PYTHON
    assert client.workspace.get_status(f"/Workspace{home}/project/lib/rows.csv").size == 8
    assert client.workspace.download(f"{home}/project/etl").read() == b"# Databricks notebook source\nx = 1\n"
    assert client.workspace.download(f"{home}/project/lib/rows.csv").read() == b"a,b\n1,2\n"
    with client.workspace.download(f"{home}/project/etl", format=ExportFormat.JUPYTER) as notebook:
        assert json.load(notebook)["cells"][0]["source"] == ["x = 1"]
    with pytest.raises(ResourceAlreadyExists):
        client.workspace.upload(f"{home}/project/lib/rows.csv", b"", format=ImportFormat.AUTO)
    client.workspace.upload(f"{home}/project/lib/rows.csv", b"a\n", format=ImportFormat.AUTO, overwrite=True)
    assert client.workspace.download(f"{home}/project/lib/rows.csv").read() == b"a\n"
    with pytest.raises(NotFound, match="parent folder"):
        client.workspace.upload(f"{home}/nowhere/x", b"", format=ImportFormat.RAW)
    with pytest.raises(BadRequest, match="not empty"):
        client.workspace.delete(f"{home}/project")
    client.workspace.delete(f"{home}/project", recursive=True)
    assert list(client.workspace.list(home)) == []


def test_what_is_shared_is_inherited(site, client, home):
    other = person(client, site, "reader")
    name = other.current_user.me().user_name
    client.workspace.mkdirs(f"{home}/given")
    client.workspace.upload(f"{home}/given/report", b"SELECT 1", format=ImportFormat.SOURCE, language=Language.SQL)
    with pytest.raises(NotFound):
        other.workspace.get_status(f"{home}/given/report")
    assert [one.path for one in other.workspace.list("/Users")] == [f"/Users/{name}"]
    directory = str(client.workspace.get_status(f"{home}/given").object_id)
    client.permissions.update("directories", directory, access_control_list=[AccessControlRequest(service_principal_name=name, permission_level=PermissionLevel.CAN_RUN)])
    assert other.workspace.download(f"{home}/given/report").read().endswith(b"SELECT 1")
    with pytest.raises(PermissionDenied):
        other.workspace.delete(f"{home}/given/report")
    notebook = str(client.workspace.get_status(f"{home}/given/report").object_id)
    [held] = [one for one in client.permissions.get("notebooks", notebook).access_control_list if one.service_principal_name == name]
    [permission] = held.all_permissions
    assert (permission.permission_level, permission.inherited) == (PermissionLevel.CAN_RUN, True)
    assert permission.inherited_from_object == [f"/directories/{directory}"]
    # Their own directory is theirs to share.
    own = str(other.workspace.get_status(f"/Users/{name}").object_id)
    assert "CAN_MANAGE" in {one.permission_level.value for one in other.permissions.get_permission_levels("directories", own).permission_levels}
    with pytest.raises(PermissionDenied):
        other.permissions.set("directories", directory, access_control_list=[])
    client.workspace.delete(f"{home}/given", recursive=True)
    with pytest.raises(NotFound):
        client.permissions.get("notebooks", notebook)
