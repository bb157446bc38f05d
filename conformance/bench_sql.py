"""TPC-H through the warehouse beside DuckDB and Sail, on the same files, in one run.

Usage: cargo xtask bench sql [--scale 1] [--runs 3] [--query N …]. Queries take turns, so that a noisy machine is
noisy for all. The figure is the best of the runs, rows fetched as Arrow: by the SQL connector from the warehouse, by
Spark Connect from Sail, in process from DuckDB. Results are compared; nothing else is asserted.
"""

import argparse
import math
import os
import re
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bench import Server

TABLES = ["region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem"]
HERE = Path(__file__).parent


def queries():
    parts = re.split(r"^-- (\d+)$", (HERE / "tpch.sql").read_text(), flags=re.M)[1:]
    return {int(number): text.strip().rstrip(";") for number, text in zip(parts[::2], parts[1::2])}


class Biplane:
    name = "Biplane"

    def __init__(self, directory, scale):
        os.environ["BIPLANE_SAMPLES_SCALE"] = str(scale)
        self.server = Server(directory)
        self.connection = self.server.connect(catalog="samples", schema="tpch", session_configuration={"use_cached_result": "false"})
        self.cursor = self.connection.cursor()

    def ready(self):
        """The samples are made in the background."""
        while True:
            found = {row.tableName for row in self.cursor.execute("SHOW TABLES IN samples.tpch").fetchall()} if self._schema() else set()
            if set(TABLES) <= found:
                return
            time.sleep(1)

    def _schema(self):
        return "tpch" in {row[0] for row in self.cursor.execute("SHOW SCHEMAS IN samples").fetchall()}

    def files(self, table):
        call = self.server.client()
        location = call("GET", f"/api/2.1/unity-catalog/tables/samples.tpch.{table}")["storage_location"]
        return [str(path) for path in Path(unquote(urlsplit(location).path)).glob("**/*.parquet")]

    def run(self, text):
        return self.cursor.execute(text).fetchall_arrow()

    def stop(self):
        self.connection.close()
        self.server.stop()


class DuckDb:
    name = "DuckDB"

    def __init__(self, files):
        import duckdb

        self.connection = duckdb.connect()
        for table in TABLES:
            self.connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files[table]})")

    def run(self, text):
        return self.connection.sql(text).to_arrow_table()

    def stop(self):
        self.connection.close()


class Sail:
    name = "Sail"

    def __init__(self, files):
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        self.server = SparkConnectServer()
        self.server.start()
        _, port = self.server.listening_address
        self.spark = SparkSession.builder.remote(f"sc://localhost:{port}").getOrCreate()
        for table in TABLES:
            self.spark.read.parquet(*files[table]).createOrReplaceTempView(table)

    def run(self, text):
        return self.spark.sql(text).toArrow()

    def stop(self):
        self.spark.stop()
        self.server.stop()


def rows(table):
    return [tuple(row.values()) for row in table.to_pylist()]


def same(one, other):
    if isinstance(one, (int, float, Decimal)) and isinstance(other, (int, float, Decimal)):
        # Systems divide decimals to different scales.
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-3)
    return one == other


def agree(one, other):
    one, other = rows(one), rows(other)
    return len(one) == len(other) and all(len(a) == len(b) and all(map(same, a, b)) for a, b in zip(one, other))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--query", type=int, action="append")
    asked = parser.parse_args()
    chosen = {number: text for number, text in queries().items() if not asked.query or number in asked.query}
    with tempfile.TemporaryDirectory(prefix="biplane-bench-", ignore_cleanup_errors=True) as directory:
        biplane = Biplane(directory, f"{asked.scale:g}")
        systems = [biplane]
        try:
            print(f"making TPC-H at scale {asked.scale:g} …", file=sys.stderr, flush=True)
            biplane.ready()
            files = {table: biplane.files(table) for table in TABLES}
            systems += [DuckDb(files), Sail(files)]
            measure(systems, chosen, asked.runs)
        finally:
            for system in systems:
                system.stop()


def measure(systems, chosen, runs):
    print("query" + "".join(f"{system.name:>12}" for system in systems) + "   milliseconds, best of", runs)
    totals = dict.fromkeys((system.name for system in systems), 0.0)
    wrong = 0
    for number, text in chosen.items():
        best, answers = dict.fromkeys(totals, math.inf), {}
        for _ in range(runs):
            for system in systems:
                start = time.perf_counter()
                answers[system.name] = system.run(text)
                best[system.name] = min(best[system.name], (time.perf_counter() - start) * 1000)
        differs = [name for name, answer in answers.items() if not agree(answer, answers["DuckDB"])]
        wrong += len(differs)
        for name, taken in best.items():
            totals[name] += taken
        print(f"{number:>5}" + "".join(f"{best[system.name]:12.1f}" for system in systems) + (f"   differs: {', '.join(differs)}" if differs else ""), flush=True)
    print("total" + "".join(f"{totals[system.name]:12.1f}" for system in systems))
    print(f"Biplane takes {totals['Biplane'] / totals['DuckDB']:.2f} of DuckDB's time, {totals['Biplane'] / totals['Sail']:.2f} of Sail's; {wrong} results differ from DuckDB's")


if __name__ == "__main__":
    main()
