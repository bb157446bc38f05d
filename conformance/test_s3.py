"""Storage on S3: managed and external tables, volumes, writers from outside, a store that says no."""

import io
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import deltalake
import pyarrow as pa
import pyarrow.parquet
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, NotImplemented, PermissionDenied
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.compute import ClusterLogConf, InitScriptInfo, S3StorageInfo
from databricks.sdk.service.sql import StatementState

from server import WITH_CODE, Server, temporary_directory
from store import ACCESS_KEY, REGION, SECRET_KEY, Store
from test_crash import children


class Lake:
    """A server whose metastore lies on S3, as its admin."""

    def __init__(self, directory, store, env=None):
        self.store = store
        self.server = Server(directory, "--storage-root", "s3://lake/root", env={"BIPLANE_SAMPLES_SCALE": "0", **store.env, **(env or {})})
        self.w = WorkspaceClient(host=self.server.url, token=self.server.token)

    def answer(self, statement, warehouse=None):
        return self.w.statement_execution.execute_statement(statement=statement, warehouse_id=warehouse or self.server.warehouse_id, wait_timeout="50s")

    def sql(self, statement, warehouse=None):
        answer = self.answer(statement, warehouse)
        if answer.status.state != StatementState.SUCCEEDED:
            raise RuntimeError(f"{statement}: {answer.status.state}: {answer.status.error.message if answer.status.error else None}")
        return answer.result.data_array or [] if answer.result else []

    def location(self, table):
        return self.w.tables.get(table).storage_location

    def logged(self):
        return (self.server.directory / "server.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"), "lake", "outside", "other")
    yield store
    store.stop()


@pytest.fixture(scope="module")
def lake(store):
    with temporary_directory() as directory:
        lake = Lake(directory, store, env=WITH_CODE)
        try:
            lake.sql("CREATE SCHEMA main.s3")
            lake.w.external_locations.create(name="outside", url="s3://outside/tables", credential_name="server_storage", skip_validation=True)
            yield lake
        finally:
            lake.server.stop()


@pytest.fixture(scope="module")
def volume(lake):
    lake.w.volumes.create(catalog_name="main", schema_name="s3", name="files", volume_type=VolumeType.MANAGED)
    return "/Volumes/main/s3/files"


def test_the_life_of_a_managed_table(lake, store):
    sql = lake.sql
    sql("CREATE TABLE main.s3.t (id BIGINT, name STRING, day DATE) PARTITIONED BY (day)")
    assert lake.location("main.s3.t").startswith("s3://lake/root/")
    sql("INSERT INTO main.s3.t VALUES (1, 'a', DATE'2024-01-01'), (2, 'b', DATE'2024-01-02')")
    sql("INSERT INTO main.s3.t VALUES (3, 'c', DATE'2024-01-02')")
    sql("UPDATE main.s3.t SET name = 'B' WHERE id = 2")
    sql("DELETE FROM main.s3.t WHERE id = 1")
    sql(
        "MERGE INTO main.s3.t AS t USING (SELECT 3 AS id, 'C' AS name UNION ALL SELECT 4, 'd') AS s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name, day) VALUES (s.id, s.name, DATE'2024-01-03')"
    )
    assert sql("SELECT id, name FROM main.s3.t ORDER BY id") == [["2", "B"], ["3", "C"], ["4", "d"]]
    assert sql("SELECT id, name FROM main.s3.t VERSION AS OF 2 ORDER BY id") == [["1", "a"], ["2", "b"], ["3", "c"]]
    assert sql("SELECT count(*) FROM main.s3.t WHERE day = DATE'2024-01-02'") == [["2"]]
    sql("OPTIMIZE main.s3.t")
    assert sql("SELECT count(*) FROM main.s3.t") == [["3"]]
    history = [row[4] for row in sql("DESCRIBE HISTORY main.s3.t")]
    assert {"OPTIMIZE", "MERGE", "DELETE", "UPDATE", "WRITE", "CREATE TABLE"} <= set(history), history
    before = [key for key in store.keys("lake") if key.endswith(".parquet") and "_delta_log" not in key]
    # Hours that nothing is kept: only a session that says so may ask for it.
    session = lake.w.api_client.do("POST", "/api/2.0/sql/sessions", body={"warehouse_id": lake.server.warehouse_id})["session_id"]
    for text in ["SET spark.databricks.delta.retentionDurationCheck.enabled = false", "VACUUM main.s3.t RETAIN 0 HOURS"]:
        body = {"statement": text, "warehouse_id": lake.server.warehouse_id, "session_id": session, "wait_timeout": "50s"}
        answer = lake.w.api_client.do("POST", "/api/2.0/sql/statements", body=body)
        assert answer["status"]["state"] == "SUCCEEDED", answer
    after = [key for key in store.keys("lake") if key.endswith(".parquet") and "_delta_log" not in key]
    assert len(after) < len(before)
    assert sql("SELECT id, name FROM main.s3.t ORDER BY id") == [["2", "B"], ["3", "C"], ["4", "d"]]
    sql("RESTORE TABLE main.s3.t TO VERSION AS OF 7")


def test_create_table_as_select_and_replace(lake):
    lake.sql("CREATE OR REPLACE TABLE main.s3.squares AS SELECT id, id * id AS square FROM range(1000) AS r(id)")
    assert lake.sql("SELECT count(*), sum(square) FROM main.s3.squares") == [["1000", "332833500"]]
    lake.sql("CREATE OR REPLACE TABLE main.s3.squares AS SELECT 1 AS one")
    assert lake.sql("SELECT * FROM main.s3.squares") == [["1"]]
    lake.sql("INSERT OVERWRITE main.s3.squares SELECT 2")
    assert lake.sql("SELECT * FROM main.s3.squares") == [["2"]]
    lake.sql("DROP TABLE main.s3.squares")


def test_a_catalog_and_a_schema_with_roots_of_their_own(lake, store):
    lake.w.external_locations.create(name="roots", url="s3://other/roots", credential_name="server_storage", skip_validation=True)
    lake.sql("CREATE CATALOG far MANAGED LOCATION 's3://other/roots/far'")
    lake.sql("CREATE SCHEMA far.near MANAGED LOCATION 's3://other/roots/near'")
    for schema in ["default", "near"]:
        lake.sql(f"CREATE SCHEMA IF NOT EXISTS far.{schema}")
        lake.sql(f"CREATE TABLE far.{schema}.t AS SELECT '{schema}' AS place")
        assert lake.sql(f"SELECT place FROM far.{schema}.t") == [[schema]]
    assert lake.location("far.default.t").startswith("s3://other/roots/far/")
    assert lake.location("far.near.t").startswith("s3://other/roots/near/")
    lake.sql("DROP CATALOG far CASCADE")


def test_an_external_table_and_writers_outside(lake, store):
    lake.sql("CREATE TABLE main.s3.ext (id BIGINT, v DOUBLE) LOCATION 's3://outside/tables/ext'")
    lake.sql("INSERT INTO main.s3.ext VALUES (1, 0.5)")
    options = store.options
    deltalake.write_deltalake("s3://outside/tables/ext", pa.table({"id": [2], "v": [1.5]}), mode="append", storage_options=options)
    assert lake.sql("SELECT sum(v) FROM main.s3.ext") == [["2.0"]]
    lake.sql("DELETE FROM main.s3.ext WHERE id = 1")
    found = deltalake.DeltaTable("s3://outside/tables/ext", storage_options=options)
    assert pa.table(found.to_pyarrow_table()).to_pylist() == [{"id": 2, "v": 1.5}]
    lake.sql("DROP TABLE main.s3.ext")
    assert deltalake.DeltaTable("s3://outside/tables/ext", storage_options=options).version() >= 3
    # A table that was there first; also by its path.
    deltalake.write_deltalake("s3://outside/tables/first", pa.table({"id": [7, 8]}), storage_options=options)
    assert lake.sql("SELECT sum(id) FROM delta.`s3://outside/tables/first`") == [["15"]]
    lake.sql("CREATE TABLE main.s3.first USING DELTA LOCATION 's3://outside/tables/first'")
    assert lake.sql("SELECT sum(id) FROM main.s3.first") == [["15"]]
    with pytest.raises(RuntimeError, match="(?i)external location"):
        lake.sql("CREATE TABLE main.s3.nowhere (id INT) LOCATION 's3://other/elsewhere'")


def test_concurrent_writers_lose_no_commit(lake, store):
    lake.sql("CREATE TABLE main.s3.busy (n BIGINT) LOCATION 's3://outside/tables/busy'")
    second = lake.w.api_client.do("POST", "/api/2.0/sql/warehouses", body={"name": "second", "cluster_size": "2X-Small", "enable_serverless_compute": True, "warehouse_type": "PRO"})["id"]
    written, failed, lock = [], [], threading.Lock()

    def insert(warehouse, first):
        for n in range(first, first + 8):
            try:
                lake.sql(f"INSERT INTO main.s3.busy VALUES ({n})", warehouse)
            except RuntimeError as error:
                with lock:
                    failed.append(str(error))
                continue
            with lock:
                written.append(n)

    def outside(first):
        for n in range(first, first + 8):
            deltalake.write_deltalake("s3://outside/tables/busy", pa.table({"n": pa.array([n], pa.int64())}), mode="append", storage_options=store.options)
            with lock:
                written.append(n)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(insert, None, 0), pool.submit(insert, second, 100), pool.submit(outside, 200)]:
            done.result()
    found = sorted(int(row[0]) for row in lake.sql("SELECT n FROM main.s3.busy"))
    assert found == sorted(written)
    assert not failed, failed[0]
    lake.w.warehouses.delete(second)


def test_a_volume(lake, store, volume, tmp_path):
    from databricks.sdk.core import Config

    path = f"{volume}/dir ä/a b.txt"
    lake.w.files.create_directory(f"{volume}/dir ä")
    lake.w.files.upload(path, io.BytesIO(b"0123456789"), overwrite=True)
    assert lake.w.files.download(path).contents.read() == b"0123456789"
    assert lake.w.files.get_metadata(path).content_length == 10
    with pytest.raises(Exception, match="(?i)exist"):
        lake.w.files.upload(path, io.BytesIO(b"2"), overwrite=False)
    part = lake.w.api_client.do("GET", f"/api/2.0/fs/files{path}", headers={"Range": "bytes=2-4"}, raw=True, response_headers=["content-range"])
    assert part["contents"].read() == b"234"
    assert part["content-range"] == "bytes 2-4/10"
    assert [(entry.name, entry.is_directory) for entry in lake.w.files.list_directory_contents(volume)] == [("dir ä", True)]
    assert [(entry.name, entry.file_size) for entry in lake.w.files.list_directory_contents(f"{volume}/dir ä")] == [("a b.txt", 10)]
    with pytest.raises(Exception, match="(?i)empty"):
        lake.w.files.delete_directory(f"{volume}/dir ä")
    lake.w.files.delete(path)
    with pytest.raises(NotFound):
        lake.w.files.download(path)
    lake.w.files.delete_directory(f"{volume}/dir ä")
    with pytest.raises(NotFound):
        lake.w.files.get_directory_metadata(f"{volume}/dir ä")
    config = Config(host=lake.server.url, token=lake.server.token)
    config.files_ext_multipart_upload_min_stream_size = 1 << 20
    config.files_ext_multipart_upload_default_part_size = 6 << 20
    content = os.urandom(1 << 20) * 19 + b"end"
    WorkspaceClient(config=config).files.upload(f"{volume}/large.bin", io.BytesIO(content), overwrite=True)
    lake.w.files.download_to(f"{volume}/large.bin", str(tmp_path / "large.bin"))
    assert (tmp_path / "large.bin").read_bytes() == content
    lake.w.files.delete(f"{volume}/large.bin")


def test_files_of_a_volume_are_loaded_once(lake, volume):
    for number in range(3):
        text = f"city,people\nc{number},{number}\nd{number},\n"
        lake.w.files.upload(f"{volume}/in/{number}.csv", io.BytesIO(text.encode()), overwrite=True)
    read = f"read_files('{volume}/in', format => 'csv', header => true)"
    assert lake.sql(f"SELECT count(*), sum(people) FROM {read}") == [["6", "3"]]
    assert [row[1] for row in lake.sql(f"LIST '{volume}/in'")] == ["0.csv", "1.csv", "2.csv"]
    lake.sql("CREATE TABLE main.s3.cities (city STRING, people BIGINT)")
    copy = f"COPY INTO main.s3.cities FROM '{volume}/in' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    for expected in ["6", "0"]:
        assert lake.sql(copy)[0][0] == expected
    lake.w.files.upload(f"{volume}/in/3.csv", io.BytesIO(b"city,people\nc3,3\n"), overwrite=True)
    assert lake.sql(copy)[0][0] == "1"
    assert lake.sql("SELECT count(*), sum(people) FROM main.s3.cities") == [["7", "6"]]


def test_files_outside_by_url(lake, store):
    store.client.put_object(Bucket="outside", Key="tables/in/a.json", Body=b'{"a": 1}\n{"a": 2}\n')
    assert lake.sql("SELECT sum(a) FROM json.`s3://outside/tables/in/a.json`") == [["3"]]
    assert lake.sql("SELECT sum(a) FROM read_files('s3://outside/tables/in/*.json')") == [["3"]]
    lake.sql("CREATE EXTERNAL VOLUME main.s3.ext_files LOCATION 's3://outside/tables/in'")
    assert lake.sql("SELECT sum(a) FROM json.`/Volumes/main/s3/ext_files/a.json`") == [["3"]]
    lake.sql("DROP VOLUME main.s3.ext_files")
    assert store.keys("outside", "tables/in/") == ["tables/in/a.json"]


def test_two_buckets_with_the_same_keys(lake, store):
    """Files of one key, size and time are told apart: nothing kept of one is taken for the other's."""
    lake.w.external_locations.create(name="twin", url="s3://other/tables", credential_name="server_storage", skip_validation=True)
    sizes = set()
    for bucket, ids in [("outside", [1, 2]), ("other", [8, 9])]:
        sink = io.BytesIO()
        pa.parquet.write_table(pa.table({"id": pa.array(ids, pa.int64())}), sink)
        sizes.add(len(sink.getvalue()))
        column = {"name": "id", "type": "long", "nullable": True, "metadata": {}}
        schema = json.dumps({"type": "struct", "fields": [column]})
        actions = [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {"metaData": {"id": bucket, "format": {"provider": "parquet", "options": {}}, "schemaString": schema, "partitionColumns": [], "configuration": {}}},
            {"add": {"path": "one.parquet", "size": len(sink.getvalue()), "modificationTime": 1, "partitionValues": {}, "dataChange": True}},
        ]
        log = "\n".join(json.dumps(action) for action in actions)
        store.client.put_object(Bucket=bucket, Key="tables/twin/_delta_log/00000000000000000000.json", Body=log.encode())
        store.client.put_object(Bucket=bucket, Key="tables/twin/one.parquet", Body=sink.getvalue())
    assert len(sizes) == 1
    found = [lake.sql(f"SELECT sum(id) FROM delta.`s3://{bucket}/tables/twin` WHERE id > 5") for bucket in ["outside", "other", "outside"]]
    assert found == [[[None]], [["17"]], [[None]]]
    found = [lake.sql(f"SELECT sum(id) FROM parquet.`s3://{bucket}/tables/twin/one.parquet` WHERE id > 5") for bucket in ["other", "outside", "other"]]
    assert found == [[["17"]], [[None]], [["17"]]]


def secrets_shown(lake):
    """Where of everything a user or the operator can see the secret key stands."""
    shown = []
    for pid in [lake.server.process.pid, *children(lake.server.process.pid)]:
        with open(f"/proc/{pid}/cmdline") as line:
            if SECRET_KEY in line.read():
                shown.append(f"command line of {pid}")
    for pid in children(lake.server.process.pid):
        # The server has it from there; nobody below needs it.
        with open(f"/proc/{pid}/environ") as environment:
            if SECRET_KEY in environment.read():
                shown.append(f"environment of {pid}")
    if SECRET_KEY in lake.logged():
        shown.append("log")
    return shown


def refusals(lake, statements):
    for statement in statements:
        answer = lake.answer(statement)
        assert answer.status.state == StatementState.FAILED, statement
        text = answer.status.error.message
        assert "[" in text and "SQLSTATE" in text, text
        for word in [SECRET_KEY, ACCESS_KEY, "http://", "127.0.0.1", "object_store", "reqwest", "Generic", "InvalidAccessKeyId", "panicked", "INTERNAL_ERROR"]:
            assert word not in text, f"{statement}: {text}"
        yield text


def test_a_bucket_that_is_not_there(lake):
    lake.w.external_locations.create(name="missing", url="s3://no-such-bucket/x", credential_name="server_storage", skip_validation=True)
    texts = list(refusals(lake, ["SELECT * FROM delta.`s3://no-such-bucket/x/t`", "CREATE TABLE main.s3.lost (id INT) LOCATION 's3://no-such-bucket/x/t'", "LIST 's3://no-such-bucket/x'"]))
    assert all("storage" in text.lower() or "exist" in text.lower() or "no delta table" in text.lower() for text in texts), texts
    assert "lost" not in {row[1] for row in lake.sql("SHOW TABLES IN main.s3")}
    with pytest.raises(NotFound):
        lake.w.tables.get("main.s3.lost")


def test_a_cluster_has_scripts_and_logs_in_buckets(lake, store):
    w, key = lake.w, "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d"

    def fields(**s3):
        logs = ClusterLogConf(s3=S3StorageInfo(**{"destination": "s3://outside/tables/logs", "region": REGION, **s3}))
        version, node_type = w.clusters.select_spark_version(long_term_support=True), w.clusters.select_node_type()
        return {"cluster_name": "told", "spark_version": version, "node_type_id": node_type, "num_workers": 0, "cluster_log_conf": logs}

    # Only where the owner may write files, and only as can be done.
    for wrong, error in [
        ({"destination": "s3://lake/elsewhere"}, PermissionDenied),
        ({"region": "us-east-1"}, BadRequest),
        ({"region": None}, BadRequest),
        ({"canned_acl": "public-read"}, NotImplemented),
    ]:
        with pytest.raises(error):
            w.clusters.create(**fields(**wrong))
    script = lambda **s3: [InitScriptInfo(s3=S3StorageInfo(**{"destination": "s3://outside/tables/scripts/say.sh", "region": REGION, **s3}))]  # noqa: E731
    for wrong, error in [({}, NotFound), ({"region": "us-east-1"}, BadRequest), ({"destination": "s3://lake/root/x.sh"}, PermissionDenied)]:
        with pytest.raises(error):
            w.clusters.create(**fields(), init_scripts=script(**wrong))
    store.client.put_object(Bucket="outside", Key="tables/scripts/say.sh", Body=b"echo from a bucket\n")
    encrypted = {"enable_encryption": True, "encryption_type": "sse-kms", "kms_key": key, "canned_acl": "bucket-owner-full-control"}
    id = w.clusters.create(**fields(**encrypted), init_scripts=script()).response.cluster_id
    w.clusters.wait_get_cluster_running(id)
    w.clusters.delete_and_wait(id)
    name = f"tables/logs/{id}/driver/log4j-active.log"
    written = store.client.get_object(Bucket="outside", Key=name)
    assert (written["ServerSideEncryption"], written["SSEKMSKeyId"]) == ("aws:kms", key)
    first = written["Body"].read().decode()
    [ran] = store.client.list_objects_v2(Bucket="outside", Prefix=f"tables/logs/{id}/init_scripts/")["Contents"]
    assert store.client.get_object(Bucket="outside", Key=ran["Key"])["Body"].read() == b"from a bucket\n"
    assert "RUNNING" in first and w.clusters.get(id).cluster_log_status.last_exception is None

    # What an earlier server left there stays.
    lake.server.stop()
    lake.server.start()
    w.clusters.start_and_wait(id)
    w.clusters.delete_and_wait(id)
    second = store.client.get_object(Bucket="outside", Key=name)["Body"].read().decode()
    assert second.startswith(first) and second.count("TERMINATING") > first.count("TERMINATING")
    w.clusters.permanent_delete(id)


def test_the_secret_is_nowhere(lake):
    assert secrets_shown(lake) == []
    seen = str(lake.w.api_client.do("GET", "/api/2.1/unity-catalog/storage-credentials"))
    seen += str(lake.w.api_client.do("GET", "/api/2.1/unity-catalog/external-locations"))
    seen += str(lake.sql("SET")) + str(lake.sql("DESCRIBE EXTENDED main.s3.cities")) + str(lake.sql("EXPLAIN SELECT * FROM main.s3.cities"))
    assert SECRET_KEY not in seen


def test_a_wrong_key(store):
    with temporary_directory() as directory:
        lake = Lake(directory, store, env={"AWS_ACCESS_KEY_ID": "AKIAWRONG00000000000"})
        try:
            texts = list(refusals(lake, ["CREATE TABLE main.default.t (id INT)", "CREATE TABLE main.default.t AS SELECT 1 AS a"]))
            assert all("refused" in text for text in texts), texts
            lake.w.volumes.create(catalog_name="main", schema_name="default", name="v", volume_type=VolumeType.MANAGED)
            with pytest.raises(Exception) as caught:
                lake.w.files.upload("/Volumes/main/default/v/a.txt", io.BytesIO(b"x"), overwrite=True)
            assert "refused" in str(caught.value) and "AKIAWRONG" not in str(caught.value)
            assert secrets_shown(lake) == []
        finally:
            lake.server.stop()


def test_a_store_that_is_down(tmp_path):
    store = Store(tmp_path, "lake")
    with temporary_directory() as directory:
        lake = Lake(directory, store)
        try:
            lake.sql("CREATE TABLE main.default.t AS SELECT 1 AS a")
            lake.w.volumes.create(catalog_name="main", schema_name="default", name="v", volume_type=VolumeType.MANAGED)
            store.stop()
            texts = list(refusals(lake, ["SELECT * FROM main.default.t", "INSERT INTO main.default.t VALUES (2)", "CREATE TABLE main.default.u (id INT)"]))
            assert all("storage" in text.lower() for text in texts), texts
            # The SDK would try again for minutes.
            url = f"{lake.server.url}/api/2.0/fs/files/Volumes/main/default/v/a.txt"
            answer = requests.put(url, data=b"x", headers={"Authorization": f"Bearer {lake.server.token}"}, timeout=60)
            assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
            assert "storage" in answer.text and store.url not in answer.text
            assert lake.sql("SELECT 1") == [["1"]]
            assert secrets_shown(lake) == []
        finally:
            lake.server.stop()
            store.stop()
