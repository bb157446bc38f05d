"""deltalake, the Python package: it reads what Biplane wrote, and the other way round."""

import datetime
import json
import struct
import uuid
import zlib

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


def read(path):
    """All rows, through the package's own query engine: it knows column mapping."""
    table = deltalake.DeltaTable(str(path))
    return pa.table(deltalake.QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()).to_pylist()


def test_deltalake_reads_columns_that_were_renamed(schema, sql, location):
    table = f"{schema}.mapped"
    sql(f"CREATE TABLE {table} (id BIGINT, `a name` STRING, gone INT) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    sql(f"INSERT INTO {table} VALUES (1, 'one', 1), (2, 'two', 2)")
    sql(f"ALTER TABLE {table} RENAME COLUMN `a name` TO `the name`")
    sql(f"ALTER TABLE {table} DROP COLUMN gone")
    sql(f"UPDATE {table} SET `the name` = 'zwei' WHERE id = 2")
    protocol = deltalake.DeltaTable(location(table)).protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (2, 5)
    assert sorted((row["id"], row["the name"]) for row in read(location(table))) == [(1, "one"), (2, "zwei")]


def test_deltalake_reads_the_feed_of_changes(schema, sql, location):
    table = f"{schema}.feed"
    sql(f"CREATE TABLE {table} (id BIGINT, name STRING) TBLPROPERTIES (delta.enableChangeDataFeed = true)")
    sql(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    sql(f"UPDATE {table} SET name = 'x' WHERE id = 1")
    sql(f"DELETE FROM {table} WHERE id = 2")
    sql(f"MERGE INTO {table} t USING (SELECT 3 AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE")
    theirs = pa.table(deltalake.DeltaTable(location(table)).load_cdf(starting_version=1).read_all()).to_pylist()
    theirs = sorted([str(row["_commit_version"]), row["_change_type"], str(row["id"]), row["name"]] for row in theirs)
    assert theirs == sorted(sql(f"SELECT _commit_version, _change_type, id, name FROM table_changes('{table}', 1)"))
    assert ["2", "update_postimage", "1", "x"] in theirs and ["3", "delete", "2", "b"] in theirs and len(theirs) == 7


def test_deltalake_reads_clones_and_tables_with_numbers(schema, sql, location):
    sql(f"CREATE TABLE {schema}.n (id BIGINT GENERATED ALWAYS AS IDENTITY, name STRING, up STRING GENERATED ALWAYS AS (upper(name)))")
    sql(f"INSERT INTO {schema}.n (name) VALUES ('a'), ('b')")
    sql(f"CREATE TABLE {schema}.copy DEEP CLONE {schema}.n")
    sql(f"INSERT INTO {schema}.copy (name) VALUES ('c')")
    rows = [(row["id"], row["up"]) for row in read(location(f"{schema}.copy"))]
    assert sorted(rows) == [(1, "A"), (2, "B"), (3, "C")]
    assert len(read(location(f"{schema}.n"))) == 2


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


class Foreign:
    """Delta tables as other writers make them, built file by file from the protocol."""

    def __init__(self, root, name):
        self.path = root / name
        self.log = self.path / "_delta_log"
        self.log.mkdir(parents=True)
        self.version = 0

    def parquet(self, name, columns):
        import pyarrow.parquet

        pyarrow.parquet.write_table(pa.table(columns), self.path / name)
        return {"path": name, "size": (self.path / name).stat().st_size, "modificationTime": 1, "partitionValues": {}, "dataChange": True}

    def commit(self, *actions):
        (self.log / f"{self.version:020}.json").write_text("\n".join(json.dumps(action) for action in actions) + "\n")
        self.version += 1

    def metadata(self, fields, configuration, partitions=()):
        schema = json.dumps({"type": "struct", "fields": fields})
        return {"metaData": {"id": str(uuid.uuid4()), "format": {"provider": "parquet", "options": {}}, "schemaString": schema, "partitionColumns": list(partitions), "configuration": configuration}}


def bitmap(rows):
    """A roaring bitmap array of few row numbers, in its portable form."""
    keys = struct.pack("<II", 12346, 1) + struct.pack("<HH", 0, len(rows) - 1) + struct.pack("<I", 16)
    values = b"".join(struct.pack("<H", row) for row in sorted(rows))
    return struct.pack("<IQI", 1681511377, 1, 0) + keys + values


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def z85(data):
    data += b"\0" * (-len(data) % 4)
    words = struct.unpack(f">{len(data) // 4}I", data)
    return "".join(Z85[word // 85**place % 85] for word in words for place in (4, 3, 2, 1, 0))


LONG = {"type": "long", "nullable": True, "metadata": {}}


def deletion_vectors(root):
    """Two files: of one, rows are deleted by a vector in the log, of the other by one in a file."""
    table = Foreign(root, "vectors")
    first = table.parquet("a.parquet", {"id": pa.array(range(6), pa.int64())})
    second = table.parquet("b.parquet", {"id": pa.array(range(10, 16), pa.int64())})
    for add in (first, second):
        add["stats"] = json.dumps({"numRecords": 6})
    data = bitmap([1, 3])
    first["deletionVector"] = {"storageType": "i", "pathOrInlineDv": z85(data), "sizeInBytes": len(data), "cardinality": 2}
    name, data = uuid.uuid4(), bitmap([0, 5])
    checksum = struct.pack(">I", zlib.crc32(data))
    (table.path / f"deletion_vector_{name}.bin").write_bytes(b"\1" + struct.pack(">I", len(data)) + data + checksum)
    second["deletionVector"] = {"storageType": "u", "pathOrInlineDv": z85(name.bytes), "offset": 1, "sizeInBytes": len(data), "cardinality": 2}
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    table.commit({"protocol": protocol}, table.metadata([{"name": "id", **LONG}], {"delta.enableDeletionVectors": "true"}), {"add": first}, {"add": second})
    return table


def column_mapping(root):
    """Columns whose names in the files are others: one was renamed, one was dropped."""
    table = Foreign(root, "mapped")
    add = table.parquet("p-1.parquet", {"col-1": pa.array([1, 2], pa.int64()), "col-2": ["a", "b"], "col-gone": ["x", "y"]})
    add["partitionValues"] = {"col-3": "2024-01-01"}
    add["stats"] = json.dumps({"numRecords": 2, "minValues": {"col-1": 1}, "maxValues": {"col-1": 2}, "nullCount": {"col-1": 0}})
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"col-{number}"}}
        for number, (name, kind) in enumerate([("Id now", "long"), ("name", "string"), ("day", "date")], 1)
    ]
    configuration = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "4"}
    table.commit({"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, table.metadata(fields, configuration, ["day"]), {"add": add})
    return table


@pytest.fixture
def foreign(w, server, schema, sql):
    """Makes a table outside and gives it a name inside."""
    root = server.external / f"foreign_{schema.replace('.', '_')}"
    w.external_locations.create(name=root.name, url=f"file://{root}", credential_name="", skip_validation=True)

    def adopt(build):
        table = build(root)
        name = f"{schema}.{table.path.name}"
        sql(f"CREATE TABLE {name} USING DELTA LOCATION 'file://{table.path}'")
        return table, name

    return adopt


def test_deletion_vectors_of_others_are_respected(foreign, sql):
    table, name = foreign(deletion_vectors)
    left = [["0"], ["2"], ["4"], ["5"], ["11"], ["12"], ["13"], ["14"]]
    assert sql(f"SELECT id FROM {name} ORDER BY id") == left
    assert sql(f"SELECT count(*), min(id), max(id) FROM {name}") == [["8", "0", "14"]]
    assert sql(f"SELECT count(*) FROM {name} WHERE id IN (1, 3, 10, 15)") == [["0"]]
    assert sql(f"SELECT count(*) FROM {name} VERSION AS OF 0") == [["8"]]
    assert sql(f"SELECT count(*) FROM {name} a JOIN {name} b USING (id)") == [["8"]]
    unchanged(sql, table, name, REWRITES)
    assert sql(f"SELECT id FROM {name} ORDER BY id") == left
    # What adds to the table leaves the vectors alone.
    sql(f"INSERT INTO {name} VALUES (99)")
    sql(f"ALTER TABLE {name} ADD COLUMN more INT")
    sql(f"INSERT INTO {name} VALUES (100, 1)")
    assert sql(f"SELECT id FROM {name} ORDER BY id") == left + [["99"], ["100"]]
    unchanged(sql, table, name, REWRITES)


def test_mapped_columns_of_others_are_read(foreign, sql):
    table, name = foreign(column_mapping)
    assert sql(f"SELECT `Id now`, name, day FROM {name} ORDER BY 1") == [["1", "a", "2024-01-01"], ["2", "b", "2024-01-01"]]
    assert sql(f"SELECT name FROM {name} WHERE `id NOW` > 1 AND day = DATE'2024-01-01'") == [["b"]]
    assert sql(f"SELECT count(*) FROM {name} WHERE day > DATE'2024-01-01'") == [["0"]]
    assert [row[0] for row in sql(f"DESCRIBE TABLE {name}")][:3] == ["Id now", "name", "day"]
    for statement in REWRITES_OF_MAPPED:
        sql(statement.format(name))
    assert sql(f"SELECT * FROM {name} ORDER BY 1") == [["2", "z", "2024-01-01", None], ["9", "y", "2024-01-02", "7"]]
    found = read(table.path)
    assert sorted((row["the id"], row["name"], row["more"]) for row in found) == [(2, "z", None), (9, "y", 7)]
    with pytest.raises(RuntimeError, match="UNSUPPORTED_FEATURE"):
        sql(f"OPTIMIZE {name}")


REWRITES = [
    "INSERT OVERWRITE {0} SELECT * FROM {0}",
    "UPDATE {0} SET id = id + 100 WHERE id = 0",
    "DELETE FROM {0} WHERE id = 0",
    "DELETE FROM {0}",
    "MERGE INTO {0} t USING (SELECT 0 AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE",
    "OPTIMIZE {0}",
    "TRUNCATE TABLE {0}",
    "CREATE OR REPLACE TABLE {0} AS SELECT 1 AS a",
    "RESTORE TABLE {0} TO VERSION AS OF 0",
    "VACUUM {0}",
]
REWRITES_OF_MAPPED = [
    "INSERT INTO {0} VALUES (9, 'y', DATE'2024-01-02')",
    "ALTER TABLE {0} ADD COLUMN more INT",
    "ALTER TABLE {0} RENAME COLUMN `Id now` TO `the id`",
    "UPDATE {0} SET more = 7 WHERE `the id` = 9",
    "DELETE FROM {0} WHERE `the id` = 1",
    "MERGE INTO {0} t USING (SELECT 2 AS id) s ON t.`the id` = s.id WHEN MATCHED THEN UPDATE SET name = 'z'",
]


def unchanged(sql, table, name, statements):
    """Each is refused with its reason, and the files are as they were."""
    before = sorted((path.name, path.stat().st_mtime_ns) for path in table.path.rglob("*") if path.is_file())
    for statement in statements:
        with pytest.raises(RuntimeError) as caught:
            sql(statement.format(name))
        assert "[DELTA_UNSUPPORTED_FEATURES_FOR_WRITE]" in str(caught.value), f"{statement}: {caught.value}"
    assert sorted((path.name, path.stat().st_mtime_ns) for path in table.path.rglob("*") if path.is_file()) == before


def test_what_cannot_be_read_is_refused(foreign, w, server, schema, sql):
    def unknown(root):
        table = Foreign(root, "unknown")
        protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["someday"], "writerFeatures": ["someday"]}
        table.commit({"protocol": protocol}, table.metadata([{"name": "id", **LONG}], {}))
        return table

    with pytest.raises(RuntimeError, match="DELTA_UNSUPPORTED_FEATURES_FOR_READ"):
        foreign(unknown)
