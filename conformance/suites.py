"""The benchmarks of `bench_sql.py`: how their tables are made in the warehouse, and their queries."""

import json
import os
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).parent


def location(biplane, kind, name):
    call = biplane.server.client()
    return Path(unquote(urlsplit(call("GET", f"/api/2.1/unity-catalog/{kind}/{name}")["storage_location"]).path))


class TpcH:
    """Its tables are the samples, which the server makes itself."""

    catalog = "samples"
    tables = {"region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem"}

    def samples(self, scale):
        return f"{scale:g}"

    def make(self, biplane, scale):
        while not self._ready(biplane.cursor):
            time.sleep(1)
        biplane.cursor.execute("USE SCHEMA tpch")
        parts = re.split(r"^-- (\d+)$", (HERE / "tpch.sql").read_text(), flags=re.M)[1:]
        queries = {int(number): text.strip().rstrip(";") for number, text in zip(parts[::2], parts[1::2])}
        return {table: parquet(biplane, f"samples.tpch.{table}") for table in sorted(self.tables)}, queries

    def _ready(self, cursor):
        if "tpch" not in {row[0] for row in cursor.execute("SHOW SCHEMAS IN samples").fetchall()}:
            return False
        return self.tables <= {row.tableName for row in cursor.execute("SHOW TABLES IN samples.tpch").fetchall()}


class TpcDs:
    """Its tables are made from the files that DuckDB makes, put into a volume."""

    catalog = "main"

    def samples(self, scale):
        return "0"

    def make(self, biplane, scale):
        for statement in ("CREATE SCHEMA tpcds", "USE SCHEMA tpcds", "CREATE VOLUME made"):
            biplane.cursor.execute(statement)
        made = location(biplane, "volumes", "main.tpcds.made")
        made.mkdir(parents=True, exist_ok=True)
        subprocess.run([os.environ["BIPLANE_TPCDS_PYTHON"], HERE / "tpcds.py", made, str(scale)], check=True)
        files = {}
        for table in sorted(path.stem for path in made.glob("*.parquet")):
            source = f"read_files('/Volumes/main/tpcds/made/{table}.parquet', format => 'parquet')"
            biplane.cursor.execute(f"CREATE TABLE {table} AS SELECT * EXCEPT (_rescued_data) FROM {source}")
            files[table] = parquet(biplane, f"main.tpcds.{table}")
        queries = json.loads((made / "queries.json").read_text())
        return files, {int(number): text for number, text in queries.items()}


def parquet(biplane, table):
    return [str(path) for path in location(biplane, "tables", table).glob("**/*.parquet")]


SUITES = {"tpch": TpcH(), "tpcds": TpcDs()}
