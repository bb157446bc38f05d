"""TPC-H or TPC-DS through the warehouse beside DuckDB and Sail, on the same files, in one run.

Usage: cargo xtask bench sql [--suite tpcds] [--scale 1] [--runs 3] [--query N …]. Queries take turns, so that a
noisy machine is noisy for all. The figure is the best of the runs, rows fetched as Arrow: by the SQL connector from
the warehouse, by Spark Connect from Sail, in process from DuckDB. Results are compared; nothing else is asserted.
`--suite writes` is `bench_writes.py`.
"""

import argparse
import math
import os
import sys
import tempfile
import time

from answers import agree
from bench import Server
from suites import SUITES


class Biplane:
    name = "Biplane"

    def __init__(self, directory, suite, scale):
        os.environ["BIPLANE_SAMPLES_SCALE"] = suite.samples(scale)
        self.server = Server(directory)
        self.connection = self.server.connect(catalog=suite.catalog, session_configuration={"use_cached_result": "false"})
        self.cursor = self.connection.cursor()

    def run(self, text):
        return self.cursor.execute(text).fetchall_arrow()

    def stop(self):
        self.connection.close()
        self.server.stop()


class DuckDb:
    name = "DuckDB"

    def __init__(self, files):
        import duckdb

        self.connection = duckdb.connect(config={"default_null_order": "nulls_first_on_asc_last_on_desc"})
        for table, paths in files.items():
            self.connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({paths})")

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
        for table, paths in files.items():
            self.spark.read.parquet(*paths).createOrReplaceTempView(table)

    def run(self, text):
        return self.spark.sql(text).toArrow()

    def stop(self):
        self.spark.stop()
        self.server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=SUITES, default="tpch")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--query", type=int, action="append")
    asked = parser.parse_args()
    suite = SUITES[asked.suite]
    with tempfile.TemporaryDirectory(prefix="biplane-bench-", ignore_cleanup_errors=True) as directory:
        biplane = Biplane(directory, suite, asked.scale)
        systems = [biplane]
        try:
            print(f"making {asked.suite} at scale {asked.scale:g} …", file=sys.stderr, flush=True)
            files, queries = suite.make(biplane, asked.scale)
            systems += [DuckDb(files), Sail(files)]
            measure(systems, {n: text for n, text in queries.items() if not asked.query or n in asked.query}, asked.runs)
        finally:
            for system in systems:
                system.stop()


def attempt(system, text):
    """The answer, or why there is none, and the milliseconds it took."""
    start = time.perf_counter()
    try:
        answer = system.run(text)
    except Exception as error:  # Each client has its own; a query that fails is one line of the figures.
        return error, math.inf
    return answer, (time.perf_counter() - start) * 1000


def spoken(system, text):
    """Names of columns in quotes, as the others quote them."""
    return text if system.name == "DuckDB" else text.replace('"', "`")


def verdict(system, text, answer, expected):
    if isinstance(answer, Exception):
        return "fails: " + " ".join(str(answer).split())[:200]
    duck, other = expected
    if isinstance(other, Exception):
        return "has nothing to be judged by"
    unlimited = lambda one: one.run(spoken(one, text.rpartition("LIMIT")[0]))
    return None if agree(text, answer, other, lambda: (unlimited(system), unlimited(duck))) else "differs"


def measure(systems, chosen, runs):
    print("query" + "".join(f"{system.name:>12}" for system in systems) + "   milliseconds, best of", runs)
    # Of the queries that all can do.
    totals = dict.fromkeys((system.name for system in systems), 0.0)
    wrong, duck = 0, next(system for system in systems if system.name == "DuckDB")
    for number, text in chosen.items():
        best, answers = dict.fromkeys(totals, math.inf), {}
        for _ in range(runs):
            for system in systems:
                answers[system.name], taken = attempt(system, spoken(system, text))
                best[system.name] = min(best[system.name], taken)
        verdicts = {system.name: verdict(system, text, answers[system.name], (duck, answers["DuckDB"])) for system in systems}
        wrong += verdicts["Biplane"] is not None
        if math.inf not in best.values():
            totals = {name: total + best[name] for name, total in totals.items()}
        notes = "; ".join(f"{name} {said}" for name, said in verdicts.items() if said)
        print(f"{number:>5}" + "".join(f"{best[system.name]:12.1f}" for system in systems) + (f"   {notes}" if notes else ""), flush=True)
    print("total" + "".join(f"{totals[system.name]:12.1f}" for system in systems))
    print(f"Biplane takes {totals['Biplane'] / totals['DuckDB']:.2f} of DuckDB's time, {totals['Biplane'] / totals['Sail']:.2f} of Sail's; {wrong} of its {len(chosen)} results are not DuckDB's")


if __name__ == "__main__":
    if "writes" in sys.argv:
        import bench_writes

        bench_writes.main()
    else:
        main()
