"""databricks-sdk: files on volumes."""

import io

import pytest
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import VolumeType


@pytest.fixture
def volume(w, schema):
    catalog_name, schema_name = schema.split(".")
    w.volumes.create(catalog_name=catalog_name, schema_name=schema_name, name="files", volume_type=VolumeType.MANAGED)
    return f"/Volumes/{catalog_name}/{schema_name}/files"


def test_upload_list_download_delete(w, volume):
    path = f"{volume}/dir ä/a b.txt"
    w.files.create_directory(f"{volume}/dir ä")
    w.files.upload(path, io.BytesIO(b"hello"), overwrite=True)
    assert w.files.download(path).contents.read() == b"hello"
    info = w.files.get_metadata(path)
    assert info.content_length == 5
    assert [(entry.name, entry.is_directory) for entry in w.files.list_directory_contents(volume)] == [("dir ä", True)]
    assert [entry.file_size for entry in w.files.list_directory_contents(f"{volume}/dir ä")] == [5]
    w.files.delete(path)
    with pytest.raises(NotFound):
        w.files.download(path)
    w.files.delete_directory(f"{volume}/dir ä")


def test_an_existing_file_is_kept_unless_told(w, volume):
    w.files.upload(f"{volume}/once.txt", io.BytesIO(b"1"))
    with pytest.raises(Exception, match="(?i)exist"):
        w.files.upload(f"{volume}/once.txt", io.BytesIO(b"2"), overwrite=False)
    assert w.files.download(f"{volume}/once.txt").contents.read() == b"1"


def test_a_large_file_goes_up_in_parts(server, volume, tmp_path):
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    config = Config(host=server.url, token=server.token)
    config.files_ext_multipart_upload_min_stream_size = 1 << 20
    config.files_ext_multipart_upload_default_part_size = 1 << 20
    client = WorkspaceClient(config=config)
    content = bytes(range(256)) * (5 << 12) + b"end"
    client.files.upload(f"{volume}/large.bin", io.BytesIO(content), overwrite=True)
    target = tmp_path / "large.bin"
    client.files.download_to(f"{volume}/large.bin", str(target))
    assert target.read_bytes() == content


@pytest.mark.parametrize("path", ["../../../etc/passwd", "%2e%2e/x", "a/../../../b"])
def test_paths_stay_in_the_volume(w, volume, path):
    with pytest.raises(Exception) as caught:
        w.files.upload(f"{volume}/{path}", io.BytesIO(b"x"), overwrite=True)
        w.files.download(f"{volume}/../../../etc/passwd")
    assert "root:" not in str(caught.value)


def test_a_volume_needs_rights(w, robot, volume):
    w.files.upload(f"{volume}/mine.txt", io.BytesIO(b"mine"), overwrite=True)
    with pytest.raises((PermissionDenied, NotFound)):
        robot.client.files.download(f"{volume}/mine.txt")
    with pytest.raises((PermissionDenied, NotFound)):
        robot.client.files.upload(f"{volume}/theirs.txt", io.BytesIO(b"x"), overwrite=True)
