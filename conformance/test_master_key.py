"""A server whose keys are sealed with the operator's key: it goes on with it, and not without."""

import secrets
import subprocess

import pytest
from databricks.sdk import WorkspaceClient

from server import binary

pytestmark = pytest.mark.database


def test_keys_of_the_server_are_sealed(own_server):
    server = own_server
    client = WorkspaceClient(host=server.url, token=server.token)
    client.secrets.create_scope("kept")
    client.secrets.put_secret("kept", "word", string_value="hush")
    server.stop()
    file = server.directory / "master.key"
    file.write_text(f"# of this test\n{secrets.token_hex(32)}\n")
    server.env["BIPLANE_MASTER_KEY_FILE"] = str(file)
    for _ in range(2):
        server.start()
        client = WorkspaceClient(host=server.url, token=server.token)
        assert client.dbutils.secrets.get("kept", "word") == "hush"
        server.stop()
        assert "could not be written" not in (server.directory / "server.log").read_text()
    key = file.read_text()
    for text, said in [(None, "--master-key-file"), (secrets.token_hex(32), "no key of the master key file"), ("short", "a line of 32 bytes")]:
        env = dict(server.env)
        if text is None:
            del env["BIPLANE_MASTER_KEY_FILE"]
        else:
            file.write_text(text)
        command = [binary(), "up", "--data-dir", str(server.directory / "data"), "--listen", "127.0.0.1:0"]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 1 and said in ended.stderr, ended.stderr
    file.write_text(key)
    server.start()
