"""COPY INTO, MERGE and OPTIMIZE of ten million rows through the warehouse, beside delta-rs' Python package.

Usage: cargo xtask bench sql --suite writes [--rows 10000000]. Each is done once, on the same files. Memory is the
highest of the process that does it: of the engine, and of a Python of its own for each step of delta-rs.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench import Server
from suites import location

HERE = Path(__file__).parent
STEPS = ("copy", "merge", "load", "optimize")
NAMED = {"copy": "COPY INTO", "merge": "MERGE", "optimize": "OPTIMIZE"}
# The files that OPTIMIZE puts together.
PIECES = 20


class Biplane:
    def __init__(self, directory):
        self.server = Server(directory)
        self.connection = self.server.connect(catalog="main")
        self.cursor = self.connection.cursor()
        for statement in ("CREATE SCHEMA writes", "USE SCHEMA writes", "CREATE VOLUME made"):
            self.cursor.execute(statement)
        self.made = location(self, "volumes", "main.writes.made")
        self.made.mkdir(parents=True, exist_ok=True)

    def copy(self):
        self.cursor.execute("CREATE TABLE copied (id BIGINT, k INT, amount DECIMAL(12, 2), name STRING)")
        return self._measured("COPY INTO copied FROM '/Volumes/main/writes/made/all' FILEFORMAT = PARQUET")

    def merge(self):
        return self._measured(
            "MERGE INTO copied t USING (SELECT * FROM read_files('/Volumes/main/writes/made/changes', format => 'parquet')) s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET k = s.k, amount = s.amount, name = s.name "
            "WHEN NOT MATCHED THEN INSERT (id, k, amount, name) VALUES (s.id, s.k, s.amount, s.name)"
        )

    def load(self):
        self.cursor.execute("CREATE TABLE pieces (id BIGINT, k INT, amount DECIMAL(12, 2), name STRING)")
        for piece in range(PIECES):
            self.cursor.execute(f"COPY INTO pieces FROM '/Volumes/main/writes/made/pieces/{piece}' FILEFORMAT = PARQUET")

    def optimize(self):
        return self._measured("OPTIMIZE pieces")

    def result(self, step):
        table = "copied" if step in ("copy", "merge") else "pieces"
        row = self.cursor.execute(f"SELECT count(*), sum(id), sum(k) FROM {table}").fetchone()
        return [int(value) for value in row]

    def _measured(self, statement):
        engines = [Path(f"/proc/{pid}") for pid in children(self.server.process.pid)]
        for engine in engines:
            (engine / "clear_refs").write_text("5")
        start = time.perf_counter()
        self.cursor.execute(statement).fetchall()
        seconds = time.perf_counter() - start
        return seconds, max(peak_mib(engine) for engine in engines)

    def stop(self):
        self.connection.close()
        self.server.stop()


def children(pid):
    """The processes below one."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(status.parent.name)] = int(fields[1])
    found, wanted = [], {pid}
    while wanted:
        wanted = {child for child, parent in parents.items() if parent in wanted}
        found += wanted
    return found


def peak_mib(process):
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0
    return max((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), default=0)


class DeltaRs:
    """Each step in a Python of its own: `delta_writes.py`."""

    def __init__(self, made, directory):
        self.made, self.directory = made, directory

    def run(self, step):
        command = [os.environ["BIPLANE_WRITES_PYTHON"], HERE / "delta_writes.py", step, self.made, self.directory, str(PIECES)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=["writes"])
    parser.add_argument("--rows", type=int, default=10_000_000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="biplane-bench-", ignore_cleanup_errors=True) as directory:
        biplane = Biplane(directory)
        try:
            python = [os.environ["BIPLANE_WRITES_PYTHON"], HERE / "delta_writes.py"]
            subprocess.run([*python, "make", biplane.made, str(asked.rows), str(PIECES)], check=True)
            measure(biplane, DeltaRs(biplane.made, Path(directory, "delta-rs")))
        finally:
            biplane.stop()


def measure(biplane, delta_rs):
    print(f"{'':10}{'Biplane':>22}{'delta-rs':>22}   seconds, peak MiB")
    for step in STEPS:
        ours, theirs = getattr(biplane, step)(), delta_rs.run(step)
        if step not in NAMED:
            continue
        note = "" if biplane.result(step) == theirs["result"] else "   differs"
        print(f"{NAMED[step]:10}{ours[0]:12.2f}{ours[1]:10.0f}{theirs['seconds']:12.2f}{theirs['peak_mib']:10.0f}{note}", flush=True)


if __name__ == "__main__":
    main()
