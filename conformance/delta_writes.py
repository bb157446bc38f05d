"""Ten million rows, and what delta-rs' Python package takes to write them: the other side of `bench_writes.py`.

Usage, by a Python with requirements-writes.txt: delta_writes.py make DIRECTORY ROWS PIECES, or
delta_writes.py copy|merge|load|optimize MADE DIRECTORY PIECES, which prints seconds, memory and a sum as JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import duckdb

COLUMNS = "CAST(i AS BIGINT) AS id, CAST(i % 1000 AS INTEGER) AS k, CAST(i % 100000 / 100.0 AS DECIMAL(12, 2)) AS amount, 'name ' || (i * 7919 % 1000003) AS name"


def make(directory, rows, pieces):
    """All rows, the same in pieces, and changes: half of them of rows there are, spread over all."""
    rows, pieces, directory = int(rows), int(pieces), Path(directory)
    connection = duckdb.connect()

    def write(place, source):
        place.mkdir(parents=True, exist_ok=True)
        connection.execute(f"COPY ({source}) TO '{place}/part.parquet' (FORMAT parquet)")

    write(directory / "all", f"SELECT {COLUMNS} FROM range({rows}) t(i)")
    half = rows // 20
    changed = f"SELECT id, k + 1 AS k, amount, name FROM (SELECT {COLUMNS} FROM (SELECT i * 20 AS i FROM range({half}) t(i)))"
    added = f"SELECT {COLUMNS} FROM range({rows}, {rows + half}) t(i)"
    write(directory / "changes", f"{changed} UNION ALL {added}")
    for piece in range(pieces):
        write(directory / "pieces" / str(piece), f"SELECT {COLUMNS} FROM range({rows * piece // pieces}, {rows * (piece + 1) // pieces}) t(i)")


def rows_of(place):
    import pyarrow.dataset

    return pyarrow.dataset.dataset(place).scanner().to_reader()


def step(name, made, directory, pieces):
    import deltalake

    made, copied, cut = Path(made), str(Path(directory, "copied")), str(Path(directory, "pieces"))
    start = time.perf_counter()
    if name == "copy":
        deltalake.write_deltalake(copied, rows_of(made / "all"))
    elif name == "merge":
        values = {column: f"s.{column}" for column in ("k", "amount", "name")}
        merger = deltalake.DeltaTable(copied).merge(rows_of(made / "changes"), "t.id = s.id", source_alias="s", target_alias="t")
        merger.when_matched_update(values).when_not_matched_insert({"id": "s.id", **values}).execute()
    elif name == "load":
        for piece in range(int(pieces)):
            deltalake.write_deltalake(cut, rows_of(made / "pieces" / str(piece)), mode="append")
    else:
        deltalake.DeltaTable(cut).optimize.compact()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    files = deltalake.DeltaTable(copied if name in ("copy", "merge") else cut).file_uris()
    result = duckdb.execute("SELECT count(*), sum(id), sum(k) FROM read_parquet($1)", [files]).fetchone()
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "result": [int(value) for value in result]}))


if __name__ == "__main__":
    make(*sys.argv[2:]) if sys.argv[1] == "make" else step(*sys.argv[1:])
