"""A second server on the same database: a standby with PostgreSQL, a mistake with the embedded one."""

import subprocess

import pytest

from server import binary, until

pytestmark = pytest.mark.database


def test_a_second_server(own_server):
    first = own_server
    with first.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE main.default.kept AS SELECT 42 AS n")
    log = first.directory / "second.log"
    # The same addresses: they are free only when the first has gone.
    command = [binary(), "up", "--data-dir", str(first.directory / "data"), "--listen", first.address, "--tls-listen", f"127.0.0.1:{first.tls_port}"]
    with open(log, "wb") as stderr:
        second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=first.env)
    try:
        if "BIPLANE_DATABASE_URL" not in first.env:
            assert second.wait(30) == 1
            assert f"another server (process {first.process.pid}) uses" in log.read_text()
            return
        until(lambda: "standing by" in log.read_text(), what="the standby")
        assert second.poll() is None
        first.process.kill()
        first.process.wait()
        assert second.stdout.readline().strip() == f"ready {first.url}"
        first.process = second
        with first.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT n FROM main.default.kept")
            assert cursor.fetchone().n == 42
    finally:
        if first.process is not second:
            second.kill()
            second.wait()
