"""databricks-sdk: warehouses and their life cycle, with the SDK's own waiters; several engines and nodes."""

import signal
import subprocess
import threading

import pytest
from databricks.sdk.errors import BadRequest, NotFound
from databricks.sdk.service.sql import CreateWarehouseRequestWarehouseType, State

from server import Server, binary, free_port, temporary_directory, until

pytestmark = pytest.mark.database


def test_the_starter_warehouse_is_listed(w, server):
    found = {warehouse.id: warehouse for warehouse in w.warehouses.list()}
    starter = found[server.warehouse_id]
    assert starter.name == "Starter Warehouse" and starter.enable_serverless_compute
    assert starter.odbc_params.path == server.http_path


def test_life_cycle(w, server):
    made = w.warehouses.create_and_wait(
        name="cycle", cluster_size="2X-Small", max_num_clusters=1, auto_stop_mins=10,
        warehouse_type=CreateWarehouseRequestWarehouseType.PRO, enable_serverless_compute=True,
    )
    assert made.state == State.RUNNING
    assert w.warehouses.stop_and_wait(made.id).state == State.STOPPED
    assert w.warehouses.start_and_wait(made.id).state == State.RUNNING
    edited = w.warehouses.edit_and_wait(made.id, name="cycle-2", cluster_size="X-Small", max_num_clusters=2, auto_stop_mins=20)
    assert (edited.name, edited.cluster_size, edited.auto_stop_mins) == ("cycle-2", "X-Small", 20)
    w.warehouses.delete(made.id)
    with pytest.raises(NotFound):
        until(lambda: w.warehouses.get(made.id).state not in (State.DELETING, State.DELETED), seconds=10)


def test_a_stopped_warehouse_starts_with_the_first_statement(w):
    made = w.warehouses.create_and_wait(name="sleeper", cluster_size="2X-Small", max_num_clusters=1, auto_stop_mins=10)
    w.warehouses.stop_and_wait(made.id)
    answer = w.statement_execution.execute_statement(statement="SELECT 1", warehouse_id=made.id, wait_timeout="50s")
    assert answer.result.data_array == [["1"]]
    assert w.warehouses.get(made.id).state == State.RUNNING
    w.warehouses.delete(made.id)


@pytest.mark.parametrize("wrong", [{"cluster_size": "Gigantic"}, {"auto_stop_mins": -5}, {"min_num_clusters": 3, "max_num_clusters": 2}, {"name": ""}])
def test_bad_settings_are_refused(w, wrong):
    with pytest.raises(BadRequest):
        w.warehouses.create(**{"name": "wrong", "cluster_size": "Small", "max_num_clusters": 1, "auto_stop_mins": 10, **wrong})


class Node:
    """One more node of a server; or, with `instead`, another agent that takes over on the same host."""

    def __init__(self, server, region="", label="", instead=None):
        data, self.id = server.directory / "data", None
        command = [binary(), "node", "--relay", server.relay, "--file-root", str(data / "storage")]
        if instead:
            self.directory = instead.directory
            command += ["--replace"]
        else:
            self.directory = server.directory / f"node-{free_port()}"
            self.directory.mkdir()
            create = [binary(), "node-token", "create", "--data-dir", str(data), "--region", region]
            create += ["--label", label] if label else []
            made = subprocess.run(create, capture_output=True, text=True, check=True)
            self.id = made.stderr.split()[1].rstrip(",")
            token = self.directory / "token"
            token.write_text(made.stdout)
            command += ["--join-token-file", str(token)]
        command += ["--data-dir", str(self.directory / "data")]
        log = open(server.directory / "node.log", "ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=server.env)
        log.close()

    def stop(self):
        """Drains; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


@pytest.fixture
def cluster():
    """A server with a relay whose address is known, so that nodes can be added."""
    with temporary_directory() as directory:
        relay = f"127.0.0.1:{free_port()}"
        server = Server(directory, "--relay-listen", relay, env={"BIPLANE_SAMPLES_SCALE": "0"})
        server.relay, server.nodes = relay, []
        try:
            yield server
        finally:
            for node in server.nodes:
                node.process.kill()
                node.process.wait()
            server.stop()


def test_a_warehouse_runs_on_two_nodes_and_moves_when_one_leaves(cluster):
    from databricks import sql
    from databricks.sdk import WorkspaceClient

    w = WorkspaceClient(host=cluster.url, token=cluster.token)
    nodes = lambda: w.api_client.do("GET", "/api/2.0/biplane/nodes")["nodes"]  # noqa: E731
    node = Node(cluster, label="rack=two")
    cluster.nodes.append(node)
    stranger = Node(cluster, region="elsewhere")
    cluster.nodes.append(stranger)
    until(lambda: sum(one["connected"] for one in nodes()) == 3, what="three nodes")
    assert [one["labels"] for one in nodes() if one["id"] == node.id] == [{"rack": "two"}]

    made = w.warehouses.create_and_wait(name="wide", cluster_size="2X-Small", min_num_clusters=2, max_num_clusters=2, auto_stop_mins=10)
    until(lambda: w.warehouses.get(made.id).num_clusters == 2, what="two engines")
    placed = {one["id"]: len(one["sandboxes"]) for one in nodes()}
    assert sorted(placed.values()) == [0, 1, 1] and placed[stranger.id] == 0

    def connect():
        path = f"/sql/1.0/warehouses/{made.id}"
        return sql.connect(server_hostname="127.0.0.1", access_token=cluster.token, http_path=path, _connection_uri=cluster.url + path, enable_telemetry=False)

    # Temporary views stay with their sessions, whichever engine that is.
    with connect() as one, connect() as two, one.cursor() as a, two.cursor() as b:
        a.execute("CREATE TEMPORARY VIEW mine AS SELECT 1 AS n")
        b.execute("CREATE TEMPORARY VIEW mine AS SELECT 2 AS n")
        for _ in range(5):
            a.execute("SELECT n FROM mine")
            b.execute("SELECT n FROM mine")
            assert (a.fetchall()[0][0], b.fetchall()[0][0]) == (1, 2)

    # One node leaves while statements run on both: all of them end well.
    answers = []

    def run():
        answers.append(w.statement_execution.execute_statement(statement="SELECT count(*) FROM range(20000000) a WHERE a.id % 7 = 3", warehouse_id=made.id, wait_timeout="50s"))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert node.stop() == 0
    for thread in threads:
        thread.join(120)
    assert [answer.status.state.value for answer in answers] == ["SUCCEEDED"] * 4, answers
    until(lambda: w.warehouses.get(made.id).num_clusters == 2, what="two engines again")
    assert w.statement_execution.execute_statement(statement="SELECT 1", warehouse_id=made.id).result.data_array == [["1"]]
    events = w.api_client.do("GET", f"/api/2.0/biplane/warehouses/{made.id}/events")["events"]
    assert {"STARTING", "RUNNING", "SCALED_UP"} <= {event["event_type"] for event in events}


def test_a_burst_brings_engines_and_waits_are_in_the_history(w, server):
    made = w.warehouses.create_and_wait(name="burst", cluster_size="2X-Small", min_num_clusters=1, max_num_clusters=2, auto_stop_mins=10)

    def run(statement):
        return w.statement_execution.execute_statement(statement=statement, warehouse_id=made.id, wait_timeout="0s").statement_id

    # As many as one engine takes, which end when they are told to; those that come then wait for another engine.
    long = [run("SELECT count(*) FROM range(1000000000000) a WHERE a.id % 7 = 3") for _ in range(10)]
    waiting = [run("SELECT 1") for _ in range(4)]
    until(lambda: w.warehouses.get(made.id).num_clusters == 2, seconds=60, what="a second engine")
    for statement_id in waiting:
        until(lambda: w.statement_execution.get_statement(statement_id).status.state.value == "SUCCEEDED", seconds=120, what="the end of a statement")
    for statement_id in long:
        w.statement_execution.cancel_execution(statement_id)
    for statement_id in long:
        until(lambda: w.statement_execution.get_statement(statement_id).status.state.value == "CANCELED", seconds=60, what="the end of a canceled statement")
    history = w.query_history.list(include_metrics=True, max_results=100).res
    assert {query.query_id for query in history if query.metrics} >= {*long, *waiting}
    raw = w.api_client.do("GET", "/api/2.0/sql/history/queries?include_metrics=true&max_results=100")["res"]
    assert all(query["metrics"]["overloading_queue_time_ms"] > 0 for query in raw if query["query_id"] in waiting)
    w.warehouses.delete(made.id)
