"""TPC-DS: its data as Parquet files and its 99 queries, from DuckDB's own extension.

Usage: python tpcds.py DIRECTORY SCALE, by a Python with requirements-tpcds.txt: the newest DuckDB, which the
figures are compared with, has no packaged extension yet.
"""

import json
import sys
from pathlib import Path


def main(directory, scale):
    import duckdb
    import duckdb_extension_tpcds

    package = Path(duckdb_extension_tpcds.__file__).parent
    [extension] = package.glob("extensions/*/tpcds.duckdb_extension")
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"CALL dsdgen(sf = {float(scale)})")
    for (table,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall():
        connection.execute(f"COPY {table} TO '{directory}/{table}.parquet' (FORMAT parquet)")
    queries = connection.sql("SELECT query_nr, query FROM tpcds_queries() ORDER BY query_nr").fetchall()
    Path(directory, "queries.json").write_text(json.dumps({number: text.strip().rstrip(";") for number, text in queries}))


if __name__ == "__main__":
    main(*sys.argv[1:])
