"""Parts that die while statements run and while sandboxes start, and memory that is used up: every statement
ends in a clear state, and nothing stays behind."""

import os
import signal
import time

import pytest

from faults import LONG, ended, engines, execute, known, node_of, state
from leaks import Leaks, children, gone, launcher, supervisors
from server import Server, temporary_directory, until
from test_crash import FINAL, call, until_it_works

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="faults of a host are made by root")

PARTS = {
    "node": lambda server: [node_of(server)],
    "launcher": lambda server: launcher(node_of(server)),
    "supervisor": lambda server: supervisors(node_of(server), server.leaks.tags),
    "engine": lambda server: engines(node_of(server)),
}


@pytest.fixture(scope="module")
def faulty():
    """One server for faults that it survives."""
    with temporary_directory() as directory:
        leaks = Leaks(directory)
        server = Server(directory, env={"BIPLANE_SAMPLES_SCALE": "0"})
        server.leaks = leaks
        try:
            until_it_works(server, "SELECT 1")
            leaks.note(server.process.pid)
            yield server
        finally:
            server.stop()
        leaks.check()


def steady(server):
    until_it_works(server, "SELECT 1")
    server.leaks.note(server.process.pid)
    server.leaks.steady(lambda: node_of(server), lambda: known(server))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_dies_while_statements_run(faulty, part):
    statements = [execute(faulty, LONG)["statement_id"] for _ in range(3)]
    until(lambda: any(state(call(faulty, "GET", f"/api/2.0/sql/statements/{one}")[1]) == "RUNNING" for one in statements), what="a running statement")
    victims = until(lambda: PARTS[part](faulty), what=f"a {part}")
    below = [] if part == "launcher" else [child for pid in victims for child in children(pid)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    assert gone(victims + below), f"processes of a killed {part} stay"
    for statement in statements:
        answer = ended(faulty, statement)
        # A read begins again on another engine.
        assert state(answer) == "SUCCEEDED", answer
    steady(faulty)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_dies_while_sandboxes_start(faulty, part):
    for delay in (0, 0.02):
        call(faulty, "POST", f"/api/2.0/sql/warehouses/{faulty.warehouse_id}/stop")
        until(lambda: call(faulty, "GET", f"/api/2.0/sql/warehouses/{faulty.warehouse_id}")[1]["state"] == "STOPPED", what="the stop")
        statement = execute(faulty, "SELECT 1")["statement_id"]
        victims = until(lambda: PARTS[part](faulty), what=f"a {part}")
        time.sleep(delay)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        answer = ended(faulty, statement)
        assert state(answer) == "SUCCEEDED", answer
    steady(faulty)


@pytest.mark.database
def test_the_server_dies_while_sandboxes_start_and_statements_run(own_server):
    leaks = Leaks(own_server.directory)
    until_it_works(own_server, "SELECT 1")
    for stopped in (False, True):
        if stopped:
            call(own_server, "POST", f"/api/2.0/sql/warehouses/{own_server.warehouse_id}/stop")
        statements = [execute(own_server, LONG)["statement_id"] for _ in range(3)]
        leaks.note(own_server.process.pid)
        own_server.process.kill()
        own_server.process.wait()
        leaks.check()
        own_server.start()
        for statement in statements:
            status, answer = call(own_server, "GET", f"/api/2.0/sql/statements/{statement}")
            # What only reads may be unknown after this.
            assert status == 404 or state(answer) in FINAL, answer
        until_it_works(own_server, "SELECT 1")
    own_server.stop()
    leaks.check()


def test_a_statement_that_takes_all_memory_ends_its_engine_alone():
    with temporary_directory() as directory:
        server = Server(directory, "--workspace-memory-gib-max", "2", env={"BIPLANE_SAMPLES_SCALE": "0"})
        try:
            until_it_works(server, "SELECT 1")
            # 25 KB each, eight of them in every row of a batch: no operator counts what an expression makes.
            hog = "SELECT max(length(concat(t, t, t, t, t, t, t, t))) FROM (SELECT repeat(cast(id AS STRING), 5000) AS t FROM range(10000, 99999))"
            answer = ended(server, execute(server, hog)["statement_id"])
            message = answer["status"]["error"]["message"]
            assert state(answer) == "FAILED" and "memory" in message, answer
            steady_after = until_it_works(server, "SELECT 1")
            assert state(steady_after) == "SUCCEEDED"
        finally:
            server.stop()
