"""Tables of the catalog in Spark: what a runtime is given, to whom, and what it may do with it."""

import json
import textwrap

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import PermissionsChange, Privilege

from server import WITH_CODE, Server, temporary_directory, until
from store import Store
from test_clusters import basics
from test_python import Python  # noqa: F401
from test_spark import run_client, url

PRELUDE = """
import json, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
def refused(action):
    try:
        action()
    except Exception as error:
        return str(error)
    raise AssertionError("it was not refused")
"""


class Lake:
    """A server with a table `lake.s.t` and a second user."""

    def __init__(self, server):
        self.server = server
        self.client = WorkspaceClient(host=server.url, token=server.token)
        self.client.catalogs.create(name="lake")
        self.client.schemas.create(name="s", catalog_name="lake")
        self.sql("CREATE TABLE lake.s.t (id BIGINT NOT NULL, name STRING)")
        self.sql("ALTER TABLE lake.s.t ADD CONSTRAINT short CHECK (id < 1000)")
        self.sql("INSERT INTO lake.s.t VALUES (1, 'a'), (2, NULL), (3, 'c')")
        self.sql("CREATE VIEW lake.s.v AS SELECT id FROM lake.s.t")
        principal = self.client.service_principals.create(display_name="second", active=True)
        self.second = principal.application_id
        token = self.client.token_management.create_obo_token(application_id=self.second, comment="spark", lifetime_seconds=3600)
        self.second_token = token.token_value

    def sql(self, statement):
        answer = self.client.statement_execution.execute_statement(statement=statement, warehouse_id=self.server.warehouse_id, wait_timeout="50s")
        assert answer.status.state.value == "SUCCEEDED", answer.status.error
        return answer.result.data_array if answer.result else None

    def grant(self, kind, name, add=(), remove=()):
        change = PermissionsChange(principal=self.second, add=[Privilege(one) for one in add], remove=[Privilege(one) for one in remove])
        self.client.grants.update(securable_type=kind, full_name=name, changes=[change])

    def spark(self, code, token=None, more=""):
        """What `code` leaves in `out`, run by PySpark's client at the edge."""
        program = PRELUDE + textwrap.dedent(code) + "\nprint(json.dumps(out))"
        said = run_client("BIPLANE_SPARK_PYTHON", self.server, "-W", "ignore", "-c", program, url(self.server, token, more))
        return json.loads(said.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def lake():
    with temporary_directory() as directory:
        server = Server(directory, env=WITH_CODE)
        try:
            yield Lake(server)
        finally:
            server.stop()


def test_tables_are_read_by_name(lake):
    out = lake.spark("""
        t = spark.table("lake.s.t")
        out = [
            t.schema.simpleString(),
            sorted(tuple(row) for row in t.collect()),
            spark.sql("SELECT count(*) FROM lake.s.t JOIN range(2, 9) r ON r.id = t.id").collect()[0][0],
            sorted(one.name for one in spark.catalog.listTables("lake.s")),
            [spark.catalog.tableExists("lake.s.t"), spark.catalog.tableExists("lake.s.none")],
            "lake" in [one.name for one in spark.catalog.listCatalogs()],
        ]
        spark.catalog.setCurrentCatalog("lake")
        spark.catalog.setCurrentDatabase("s")
        out.append(spark.table("t").count())
        out.append(refused(lambda: spark.table("lake.s.none").collect()))
        out.append(refused(lambda: spark.table("lake.s.v").collect()))
    """)
    assert out[:7] == ["struct<id:bigint,name:string>", [[1, "a"], [2, None], [3, "c"]], 2, ["t", "v"], [True, False], True, 3]
    assert "TABLE_OR_VIEW_NOT_FOUND" in out[7]
    assert "SQL warehouses read views" in out[8]


def test_a_catalog_that_came_later_is_found(lake):
    lake.spark("out = spark.range(1).count()")
    lake.client.catalogs.create(name="later")
    lake.client.schemas.create(name="s", catalog_name="later")
    lake.sql("CREATE TABLE later.s.t AS SELECT 5 AS n")
    assert lake.spark("out = spark.table('later.s.t').collect()[0][0]") == 5


def test_what_is_written_is_there_for_all(lake):
    lake.sql("CREATE TABLE lake.s.w (id BIGINT NOT NULL, p STRING) PARTITIONED BY (p)")
    lake.sql("INSERT INTO lake.s.w VALUES (1, 'x')")
    assert lake.sql("SELECT count(*) FROM lake.s.w") == [["1"]]
    out = lake.spark("""
        spark.createDataFrame([(2, "a b"), (3, None)], ["id", "p"]).write.insertInto("lake.s.w")
        spark.createDataFrame([(4, "x")], ["id", "p"]).write.mode("append").saveAsTable("lake.s.w")
        spark.sql("DELETE FROM lake.s.w WHERE id = 1").collect()
        spark.sql("UPDATE lake.s.w SET p = 'y' WHERE id = 4").collect()
        out = sorted(row.id for row in spark.table("lake.s.w").collect())
    """)
    assert out == [2, 3, 4]
    assert sorted(lake.sql("SELECT id, p FROM lake.s.w")) == [["2", "a b"], ["3", None], ["4", "y"]]
    lake.sql("INSERT INTO lake.s.w VALUES (5, 'z')")
    assert lake.spark("out = spark.table('lake.s.w').count()") == 4


def test_what_cannot_be_written_safely_is_refused(lake):
    out = lake.spark("""
        more = spark.createDataFrame([(1, "x", 2)], ["id", "name", "extra"])
        out = [
            refused(lambda: spark.sql("INSERT INTO lake.s.t VALUES (NULL, 'x')").collect()),
            refused(lambda: spark.sql("INSERT INTO lake.s.t VALUES (9999, 'x')").collect()),
            refused(lambda: more.write.option("mergeSchema", "true").mode("append").saveAsTable("lake.s.t")),
            refused(lambda: spark.range(3).write.saveAsTable("lake.s.made")),
            refused(lambda: spark.range(3).write.mode("overwrite").saveAsTable("lake.s.t")),
            refused(lambda: spark.sql("DROP TABLE lake.s.t").collect()),
        ]
    """)
    for said, told in zip(out, ["NOT NULL", "CHECK", "changed in SQL", "on a warehouse", "on a warehouse", "on a warehouse"], strict=True):
        assert told in said
    assert lake.sql("SELECT count(*) FROM lake.s.t") == [["3"]]


READ = "out = spark.table('lake.s.t').count()"
NOT_READ = "out = refused(lambda: spark.table('lake.s.t').count())"
WRITE_REFUSED = "out = refused(lambda: spark.sql(\"INSERT INTO lake.s.t VALUES (7, 'x')\").collect())"


def test_a_second_user_has_what_was_granted(lake):
    token = lake.second_token
    assert "PERMISSION_DENIED" in lake.spark(NOT_READ, token)
    lake.grant("catalog", "lake", add=["USE_CATALOG", "USE_SCHEMA"])
    assert "SELECT" in lake.spark(NOT_READ, token)
    lake.grant("table", "lake.s.t", add=["SELECT"])
    assert lake.spark(READ, token) == 3
    assert "read-only" in lake.spark(WRITE_REFUSED, token)
    place = lake.client.tables.get("lake.s.t").storage_location.removeprefix("file:///")
    # The path that it was given is good for as long as the right is, and no path beside it.
    by_path = f"out = spark.read.format('delta').load('s3://local_files/{place}').count()"
    assert lake.spark(by_path, token) == 3
    beside = by_path.replace(place, place.rsplit("/", 1)[0]).replace("out = ", "out = refused(lambda: ") + ")"
    assert "403" in lake.spark(beside, token)
    lake.grant("table", "lake.s.t", remove=["SELECT"])
    assert "PERMISSION_DENIED" in lake.spark(NOT_READ, token)
    no_path = by_path.replace("out = ", "out = refused(lambda: ") + ")"
    assert "403" in lake.spark(no_path, token)


def test_a_right_that_is_taken_back_ends_without_another_question(lake):
    token = lake.second_token
    lake.grant("catalog", "lake", add=["USE_CATALOG", "USE_SCHEMA"])
    lake.grant("table", "lake.s.t", add=["SELECT"])
    assert lake.spark(READ, token) == 3
    lake.grant("table", "lake.s.t", remove=["SELECT"])
    place = lake.client.tables.get("lake.s.t").storage_location.removeprefix("file:///")
    by_path = f"""
        try:
            out = spark.read.format('delta').load('s3://local_files/{place}').count()
        except Exception as error:
            out = str(error)
    """
    until(lambda: "403" in str(lake.spark(by_path, token)), seconds=90, what="the end of the grant")


CONNECT = """
import sys
from databricks.connect import DatabricksSession
from databricks.sdk.core import Config
spark = DatabricksSession.builder.sdkConfig(Config(host=sys.argv[1], token=sys.argv[2], serverless_compute_id="auto")).getOrCreate()
spark.createDataFrame([(8, "h")], ["id", "name"]).write.mode("append").saveAsTable("lake.s.c")
print(spark.table("lake.s.c").count(), "rows")
"""


def test_databricks_connect_has_the_tables_too(lake):
    lake.sql("CREATE TABLE lake.s.c AS SELECT 1 AS id, 'a' AS name")
    host = f"https://localhost:{lake.server.tls_port}"
    said = run_client("BIPLANE_CONNECT_PYTHON", lake.server, "-W", "ignore", "-c", CONNECT, host, lake.server.token)
    assert "2 rows" in said


def test_a_cluster_has_them_on_its_own_host(lake):
    made = lake.client.clusters.create_and_wait(**basics(lake.client, num_workers=0))
    try:
        more = f";x-databricks-cluster-id={made.cluster_id}"
        assert lake.spark(READ, more=more) == 3
    finally:
        lake.client.clusters.permanent_delete(made.cluster_id)


def test_tables_on_s3(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"), "spark-lake")
    with temporary_directory() as directory:
        server = Server(directory, "--storage-root", "s3://spark-lake/root", env={**WITH_CODE, **store.env})
        try:
            lake = Lake(server)
            out = lake.spark("""
                spark.createDataFrame([(4, "d")], ["id", "name"]).write.insertInto("lake.s.t")
                out = sorted(row.id for row in spark.table("lake.s.t").collect())
            """)
            assert out == [1, 2, 3, 4]
            assert lake.sql("SELECT count(*) FROM lake.s.t") == [["4"]]
            place = lake.client.tables.get("lake.s.t").storage_location
            assert place.startswith("s3://spark-lake/root/")
            above = place.rsplit("/", 1)[0]
            out = lake.spark(f"out = refused(lambda: spark.read.format('delta').load('{above}').count())")
            assert "403" in out
            assert "PERMISSION_DENIED" in lake.spark(NOT_READ, lake.second_token)
            out = lake.spark(f"out = refused(lambda: spark.read.format('delta').load('{place}').count())", lake.second_token)
            assert "403" in out
        finally:
            server.stop()
            store.stop()


def test_python_contexts_read_the_same(lake):
    context = Python(lake.client)
    try:
        assert context.text("spark.table('lake.s.t').filter('id > 1').count()") == "2"
        assert context.text("spark.sql('SELECT max(id) AS m FROM lake.s.t').toPandas().m[0].item()") == "3"
    finally:
        context.destroy()
