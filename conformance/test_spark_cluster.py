"""Apache Spark on a cluster: the driver and its executors on hosts of their own, with the unmodified clients."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.compute import AutoScale, EventType, Language, ResultType

from server import WITH_CODE, Server, temporary_directory, until

HERE = Path(__file__).parent
VERSION = "17.3.x-apache-spark-4.2-scala2.13"


class Client:
    """PySpark's, in a process of its own."""

    def __init__(self, interpreter, site, cluster_id):
        url = f"sc://localhost:{site.tls_port}/;token={site.token};use_ssl=true;x-databricks-cluster-id={cluster_id}"
        environment = dict(os.environ, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=site.ca_file, SPARK_HOME=str(HERE))
        self.process = subprocess.Popen(
            [interpreter, HERE / "spark_cluster_client.py", url], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, step):
        self.process.stdin.write(f"{step}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client ended"
        return line.strip()

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def site():
    with temporary_directory() as scratch:
        server = Server(scratch, env=WITH_CODE)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def client(site):
    return WorkspaceClient(host=site.url, token=site.token)


@pytest.fixture(scope="module")
def cluster(client):
    node_type = client.clusters.select_node_type()
    made = client.clusters.create_and_wait(
        cluster_name="apache", spark_version=VERSION, node_type_id=node_type, autoscale=AutoScale(min_workers=1, max_workers=2), autotermination_minutes=30
    )
    yield made
    try:
        client.clusters.permanent_delete(made.cluster_id)
    except NotFound:
        pass


@pytest.fixture(scope="module")
def spark(site, cluster):
    interpreter = os.environ.get("BIPLANE_SPARK_PYTHON")
    if not interpreter:
        pytest.fail("BIPLANE_SPARK_PYTHON names no interpreter: run these tests by `cargo xtask test`")
    started = Client(interpreter, site, cluster.cluster_id)
    yield started
    started.stop()


def agent(directory, host_id):
    """The process of a host of this server."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "node" in words and any(word.startswith(str(directory)) and word.endswith(host_id) for word in words):
            return int(entry.name)
    raise AssertionError(f"no agent of {host_id}")


def test_selectors_pass_over_it(client):
    assert VERSION in [version.key for version in client.clusters.spark_versions().versions]
    assert "apache-spark" not in client.clusters.select_spark_version()


def test_a_cluster_grows_with_its_work(client, cluster, spark):
    assert spark("version") == "4.2.0"
    assert spark("count") == "1000000"
    assert len(cluster.executors) == 1
    assert spark("begin") == "begun"
    grown = until(lambda: len((now := client.clusters.get(cluster.cluster_id)).executors or []) == 2 and now, seconds=60, what="another worker")
    assert grown.autoscale.max_workers == 2
    assert spark("end") == "all"
    client.clusters.wait_get_cluster_running(cluster.cluster_id)
    events = list(client.clusters.events(cluster.cluster_id))
    resizing = next(event for event in events if event.type == EventType.RESIZING)
    assert (resizing.details.cause.value, resizing.details.target_num_workers) == ("AUTOSCALE", 2)
    assert EventType.UPSIZE_COMPLETED in [event.type for event in events]


def test_work_is_spread_over_workers_and_survives_the_loss_of_one(site, client, cluster, spark):
    first = set(spark("two").split())
    assert len(first) == 2
    assert spark("shuffle") == "100"
    assert spark("begin") == "begun"
    os.kill(agent(site.directory, client.clusters.get(cluster.cluster_id).executors[0].instance_id), signal.SIGKILL)
    assert spark("end") == "all"
    # Another host comes, and an executor with it.
    second = set(spark("two").split())
    assert len(second) == 2 and len(second & first) <= 1


def test_tables_of_the_catalog_are_refused(spark):
    assert "tables of the catalog cannot be read from Apache Spark" in spark("table")
    assert "tables-are-made-by-sql-on-a-warehouse" in spark("save")


def test_contexts_have_the_same_spark(client, cluster):
    api, id = client.command_execution, cluster.cluster_id
    context = api.create_and_wait(cluster_id=id, language=Language.PYTHON)
    command = "print(spark.version, spark.range(10).count())"
    answer = api.execute_and_wait(cluster_id=id, context_id=context.id, language=Language.PYTHON, command=command)
    assert answer.results.result_type == ResultType.TEXT, answer.results.cause
    assert answer.results.data == "4.2.0 10\n"
    api.destroy(id, context.id)


def test_nothing_is_left(site, client, cluster, spark):
    client.clusters.delete_and_wait(cluster.cluster_id)
    sandboxes = lambda: client.api_client.do("GET", "/api/2.0/biplane/sandboxes").get("sandboxes", [])  # noqa: E731
    until(lambda: not [one for one in sandboxes() if one.get("kind") == "code"], what="the end of all sandboxes")
