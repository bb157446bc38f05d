"""deltalake, the Python package: it reads what Biplane wrote, and the other way round."""

import datetime

import deltalake
import pandas as pd
import pyarrow as pa
import pytest


@pytest.fixture
def location(w):
    """The storage of a table, as a path: what the catalog says, without its scheme."""
    return lambda name: w.tables.get(name).storage_location.removeprefix("file://")


def test_deltalake_reads_a_table_of_biplane(schema, sql, location):
    table = f"{schema}.t"
    sql(f"CREATE TABLE {table} (id BIGINT, name STRING, price DECIMAL(10,2), day DATE, at TIMESTAMP) PARTITIONED BY (day)")
    sql(f"INSERT INTO {table} VALUES (1, 'a', 1.50, DATE'2024-01-01', TIMESTAMP'2024-01-01 00:00:00'), (2, 'b', NULL, DATE'2024-01-02', NULL)")
    sql(f"UPDATE {table} SET name = 'changed' WHERE id = 2")
    sql(f"DELETE FROM {table} WHERE id = 1")
    found = deltalake.DeltaTable(location(table))
    assert found.metadata().partition_columns == ["day"]
    rows = pa.table(found.to_pyarrow_table()).to_pylist()
    assert [(row["id"], row["name"], row["price"], row["day"]) for row in rows] == [(2, "changed", None, datetime.date(2024, 1, 2))]
    assert found.version() >= 3
    at_first = deltalake.DeltaTable(location(table), version=1).to_pyarrow_table()
    assert sorted(pa.table(at_first)["id"].to_pylist()) == [1, 2]


def test_biplane_reads_what_deltalake_appended(schema, sql, location):
    table = f"{schema}.shared"
    sql(f"CREATE TABLE {table} (id BIGINT, name STRING)")
    sql(f"INSERT INTO {table} VALUES (1, 'sql')")
    deltalake.write_deltalake(location(table), pa.table({"id": pa.array([2, 3], pa.int64()), "name": ["py", "py"]}), mode="append")
    assert sql(f"SELECT id, name FROM {table} ORDER BY id") == [["1", "sql"], ["2", "py"], ["3", "py"]]
    sql(f"INSERT INTO {table} VALUES (4, 'sql')")
    assert deltalake.DeltaTable(location(table)).to_pyarrow_table().num_rows == 4


def test_an_external_table_made_by_deltalake(w, server, schema, sql):
    path = server.external / "place" / "t"
    deltalake.write_deltalake(str(path), pd.DataFrame({"id": [1, 2], "v": [0.5, 1.5]}))
    with pytest.raises(RuntimeError, match="(?i)external location|permission"):
        sql(f"CREATE TABLE {schema}.ext USING DELTA LOCATION 'file://{path}'")
    w.external_locations.create(name="place", url=f"file://{server.external}/place", credential_name="", skip_validation=True)
    sql(f"CREATE TABLE {schema}.ext USING DELTA LOCATION 'file://{path}'")
    assert sql(f"SELECT sum(v) FROM {schema}.ext") == [["2.0"]]
    sql(f"INSERT INTO {schema}.ext VALUES (3, 3.0)")
    assert pa.table(deltalake.DeltaTable(str(path)).to_pyarrow_table())["v"].to_pylist().count(3.0) == 1
    sql(f"DROP TABLE {schema}.ext")
    assert deltalake.DeltaTable(str(path)).version() >= 1, "the files of an external table are not the catalog's to delete"
