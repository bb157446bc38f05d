"""A line between a node and the control plane that fails or is slow, and a node whose clock is wrong."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from faults import LONG, ended, engines, execute, nodes, state
from leaks import Leaks, alive, gone
from links import Link
from server import Server, binary, free_port, temporary_directory, until
from test_crash import call, until_it_works

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="networks that fail are made by root")


class Far:
    """A node on the other side of a link."""

    def __init__(self, server, link, *options, env=None):
        self.directory = server.directory / f"far-{free_port()}"
        self.directory.mkdir()
        data, token = server.directory / "data", self.directory / "token"
        made = subprocess.run([binary(), "node-token", "create", "--data-dir", str(data)], capture_output=True, text=True, check=True)
        self.id = made.stderr.split()[1].rstrip(",")
        token.write_text(made.stdout)
        command = [*(link.inside() if link else []), binary(), "node", "--relay", server.relay, "--file-root", str(data / "storage")]
        command += ["--join-token-file", str(token), "--data-dir", str(self.directory / "data")]
        with open(server.directory / "server.log", "ab") as log:
            self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log, env={**server.env, **(env or {})})

    def kill(self):
        self.process.kill()
        self.process.wait()


class Site:
    """A server whose own node has a neighbour far away."""

    def __init__(self, directory, lease, *options):
        self.link = Link()
        self.server, self.far = None, None
        try:
            relay = f"{self.link.server}:{free_port()}"
            self.server = Server(directory, "--relay-listen", relay, "--node-lease-seconds", str(lease), *options, env={"BIPLANE_SAMPLES_SCALE": "0"})
            self.server.relay = relay
            self.far = Far(self.server, self.link)
            until(lambda: sum(node["connected"] for node in nodes(self.server)) == 2, what="both nodes")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.far:
            self.far.kill()
        if self.server:
            self.server.stop()
        self.link.remove()

    def note(self, leaks):
        for process in (self.server.process, self.far.process):
            leaks.note(process.pid)

    def wide(self):
        """A warehouse with an engine on each node."""
        body = {"name": "wide", "cluster_size": "2X-Small", "min_num_clusters": 2, "max_num_clusters": 2, "auto_stop_mins": 0}
        status, made = call(self.server, "POST", "/api/2.0/sql/warehouses", body)
        assert status == 200, made
        self.warehouse = made["id"]
        until(lambda: self.engines() == 2 and self.placed(self.far.id) == 1, what="an engine on each node")

    def engines(self):
        return call(self.server, "GET", f"/api/2.0/sql/warehouses/{self.warehouse}")[1].get("num_clusters")

    def placed(self, node):
        return sum(len(one["sandboxes"]) for one in nodes(self.server) if one["id"] == node)

    def connected(self, node):
        return any(one["connected"] for one in nodes(self.server) if one["id"] == node)


@pytest.fixture
def site():
    with temporary_directory() as directory:
        site = Site(directory, lease=3)
        leaks = Leaks(directory)
        try:
            yield site
            site.note(leaks)
        finally:
            site.stop()
        leaks.check()


@pytest.mark.parametrize("direction", ["both", "to_server", "to_node"])
def test_a_partition_longer_than_the_lease(site, direction):
    server = site.server
    site.wide()
    until_it_works(server, "CREATE SCHEMA main.cut")
    until_it_works(server, "CREATE TABLE main.cut.t (n BIGINT)")
    abroad = engines(site.far.process.pid)
    assert abroad
    acknowledged, writes, stop = [], [], threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            answer = execute(server, f"INSERT INTO main.cut.t VALUES ({number})", wait="30s", warehouse=site.warehouse)
            writes.append((number, answer["statement_id"]))
            if state(answer) == "SUCCEEDED":
                acknowledged.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    reads = [execute(server, LONG, warehouse=site.warehouse)["statement_id"] for _ in range(6)]
    until(lambda: acknowledged, what="a first row")
    site.link.cut(direction)
    began = time.monotonic()
    # The far node ends what it runs when its lease does, and not only after it is back.
    assert gone(abroad, seconds=30), "engines outlive the lease of their node"
    until(lambda: not site.connected(site.far.id), seconds=20, what="the loss of the node")
    until(lambda: site.engines() == 2 and site.placed(site.far.id) == 0, seconds=60, what="two engines elsewhere")
    for statement in reads:
        assert state(ended(server, statement, seconds=90)) == "SUCCEEDED"
    assert time.monotonic() - began < 150
    before = len(acknowledged)
    until(lambda: len(acknowledged) > before, what="rows during the partition")
    site.link.heal()
    until(lambda: site.connected(site.far.id), seconds=30, what="the return of the node")
    stop.set()
    writer.join(60)
    assert not writer.is_alive(), "a client hangs"
    for _, statement in writes:
        ended(server, statement, seconds=5)
    assert not engines(site.far.process.pid), "it still runs what it ran"
    rows = [int(row[0]) for row in until_it_works(server, "SELECT n FROM main.cut.t")["result"]["data_array"]]
    assert len(rows) == len(set(rows)), "a row was written twice"
    assert set(acknowledged) <= set(rows) <= {number for number, _ in writes}


def test_a_partition_shorter_than_the_lease_and_a_slow_link():
    with temporary_directory() as directory:
        site = Site(directory, lease=15)
        leaks = Leaks(directory)
        try:
            server = site.server
            site.wide()
            abroad = engines(site.far.process.pid)
            statements = [execute(server, LONG, warehouse=site.warehouse)["statement_id"] for _ in range(4)]
            site.link.cut()
            time.sleep(1.5)
            site.link.heal()
            for statement in statements:
                assert state(ended(server, statement)) == "SUCCEEDED"
            assert engines(site.far.process.pid) == abroad and alive(abroad[0]), "it was not worth an engine"
            # Half a megabyte in a second: results take their time, the lease is renewed all the same.
            site.link.narrow("4mbit")
            wide = "SELECT id, repeat('x', 30) AS t FROM range(40000)"
            statements = [execute(server, wide, warehouse=site.warehouse)["statement_id"] for _ in range(4)]
            for statement in statements:
                answer = ended(server, statement)
                assert state(answer) == "SUCCEEDED" and answer["manifest"]["total_row_count"] == 40000
            assert engines(site.far.process.pid) == abroad and site.connected(site.far.id)
            site.note(leaks)
        finally:
            site.stop()
        leaks.check()


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """A library that puts the wall clock of a program wrong."""
    library = tmp_path_factory.mktemp("clock") / "fakeclock.so"
    source = Path(__file__).with_name("fakeclock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    return lambda hours: {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(hours * 3600)}


@pytest.fixture(scope="module")
def relayed():
    """A server with a relay whose address is known, and a workspace region that its own node is not of."""
    with temporary_directory() as directory:
        relay = f"127.0.0.1:{free_port()}"
        server = Server(directory, "--relay-listen", relay, "--node-lease-seconds", "3", env={"BIPLANE_SAMPLES_SCALE": "0"})
        server.relay = relay
        try:
            until_it_works(server, "SELECT 1")
            yield server
        finally:
            server.stop()


@pytest.mark.parametrize("hours", [3, -3])
def test_a_node_whose_clock_is_wrong_either_works_or_is_told_so(relayed, clock, hours):
    offset = len((relayed.directory / "server.log").read_bytes())
    far = Far(relayed, None, env=clock(hours))
    try:
        wrong = lambda: b"clock" in (relayed.directory / "server.log").read_bytes()[offset:]  # noqa: E731
        joined = lambda: any(node["id"] == far.id and node["connected"] for node in nodes(relayed))  # noqa: E731
        until(lambda: joined() or wrong(), what="the node, or why not")
        # A clock ahead is within the life of every certificate, so it works: leases count by monotonic time.
        assert joined() == (hours > 0)
        if not joined():
            return
        body = {"name": f"late{hours}", "cluster_size": "2X-Small", "min_num_clusters": 2, "max_num_clusters": 2, "auto_stop_mins": 0}
        warehouse = call(relayed, "POST", "/api/2.0/sql/warehouses", body)[1]["id"]
        until(lambda: any(node["id"] == far.id and node["sandboxes"] for node in nodes(relayed)), what="an engine there")
        until(lambda: call(relayed, "GET", f"/api/2.0/sql/warehouses/{warehouse}")[1]["num_clusters"] == 2, what="two engines")
        began = time.monotonic()
        while time.monotonic() - began < 4:
            # Longer than a lease.
            for answer in [execute(relayed, "SELECT current_catalog()", wait="30s", warehouse=warehouse) for _ in range(4)]:
                assert state(answer) == "SUCCEEDED", answer
        call(relayed, "DELETE", f"/api/2.0/sql/warehouses/{warehouse}")
    finally:
        far.kill()
