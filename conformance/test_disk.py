"""A disk that is full: errors say so, nothing acknowledged is lost, and it goes on once there is room."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from faults import state
from leaks import Leaks, settles
from server import Server
from test_crash import call, until_it_works

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="small disks are made by root")


class Disk:
    """A small disk."""

    def __init__(self, megabytes):
        self.directory = Path(os.path.realpath(tempfile.mkdtemp(prefix="biplane-disk-")))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "biplane-test", str(self.directory)], check=True)

    def fill(self):
        """Until nothing fits any more."""
        with open(self.directory / "filler", "wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        (self.directory / "filler").unlink()

    def remove(self):
        subprocess.run(["umount", str(self.directory)], check=True)
        self.directory.rmdir()


def test_a_full_disk():
    disk = Disk(160)
    try:
        directory = disk.directory / "server"
        directory.mkdir()
        leaks = Leaks(directory)
        server = Server(directory, env={"BIPLANE_SAMPLES_SCALE": "0"})
        try:
            until_it_works(server, "CREATE SCHEMA main.full")
            until_it_works(server, "CREATE TABLE main.full.t (n BIGINT)")
            until_it_works(server, "INSERT INTO main.full.t VALUES (0)")
            disk.fill()
            acknowledged = {0}
            for number in range(1, 4):
                status, answer = call(server, "POST", "/api/2.0/sql/statements", {"statement": f"INSERT INTO main.full.t VALUES ({number})", "warehouse_id": server.warehouse_id, "wait_timeout": "50s"})
                if status == 200 and state(answer) == "SUCCEEDED":
                    acknowledged.add(number)
                else:
                    text = answer.get("message") or answer["status"]["error"]["message"]
                    assert "full" in text or "space" in text, answer
            # More than stays in memory: it cannot be kept, and that is said.
            big = "SELECT id, repeat('x', 1000) AS t FROM range(100000)"
            status, answer = call(server, "POST", "/api/2.0/sql/statements", {"statement": big, "warehouse_id": server.warehouse_id, "wait_timeout": "50s", "disposition": "EXTERNAL_LINKS"})
            text = answer.get("message") or answer["status"].get("error", {}).get("message", "")
            assert "full" in text or "space" in text, answer
            status, answer = call(server, "POST", "/api/2.1/unity-catalog/schemas", {"name": "more", "catalog_name": "main"})
            if "BIPLANE_TEST_POSTGRES" in os.environ:
                # That database has its own disk.
                assert status == 200, answer
            else:
                assert status in (429, 503, 507) and "full" in answer["message"], (status, answer)
            disk.free()
            rows = until_it_works(server, "SELECT n FROM main.full.t")["result"]["data_array"]
            assert acknowledged <= {int(row[0]) for row in rows}
            until_it_works(server, "INSERT INTO main.full.t VALUES (99)")
            status, answer = call(server, "POST", "/api/2.1/unity-catalog/schemas", {"name": "still_more", "catalog_name": "main"})
            assert status == 200, answer
            results = directory / "data" / "results"
            assert settles(lambda: not list(results.glob("*/*")), 10), "a result that failed stays in the spool"
            server.process.kill()
            server.process.wait()
            server.start()
            rows = until_it_works(server, "SELECT n FROM main.full.t")["result"]["data_array"]
            assert acknowledged | {99} <= {int(row[0]) for row in rows}
            leaks.note(server.process.pid)
        finally:
            server.stop()
        leaks.check()
    finally:
        disk.remove()
