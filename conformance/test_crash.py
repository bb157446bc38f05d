"""Kill the server, the node and engines, again and again, under load: nothing acknowledged is lost, every
statement ends in a clear state, no process stays behind."""

import http.client
import json
import os
import random
import signal
import threading
import time

import pytest


FINAL = {"SUCCEEDED", "FAILED", "CANCELED", "CLOSED"}


def children(pid):
    """All descendants of a process."""
    found = []
    for task in os.listdir("/proc"):
        if task.isdigit():
            try:
                with open(f"/proc/{task}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found += [int(task)] + children(int(task))
    return found


def named(pids, word):
    chosen = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/cmdline") as line:
                if word in line.read().split("\0"):
                    chosen.append(pid)
        except OSError:
            pass
    return chosen


def gone(pids, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        alive = [pid for pid in pids if os.path.exists(f"/proc/{pid}") and "Z" not in open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]]
        if not alive:
            return True
        time.sleep(0.05)
    return False


def call(server, method, path, body=None, timeout=60):
    connection = http.client.HTTPConnection(server.address, timeout=timeout)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, {"Authorization": f"Bearer {server.token}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def sql(server, text, wait="50s"):
    body = {"statement": text, "warehouse_id": server.warehouse_id, "wait_timeout": wait}
    return call(server, "POST", "/api/2.0/sql/statements", body)


def until_it_works(server, text, seconds=60):
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            status, last = sql(server, text)
            if status == 200 and last["status"]["state"] == "SUCCEEDED":
                return last
        except OSError as error:
            last = error
        time.sleep(0.1)
    pytest.fail(f"{text} did not work again: {last}")


class Load:
    """Writers that remember what was acknowledged."""

    def __init__(self, server, writers=2):
        self.server, self.acknowledged, self.statements, self.stop = server, [], [], False
        self.threads = [threading.Thread(target=self.write, args=(n,)) for n in range(writers)]
        for thread in self.threads:
            thread.start()

    def write(self, writer):
        number = 0
        while not self.stop:
            value = writer * 1_000_000 + number
            number += 1
            try:
                status, answer = sql(self.server, f"INSERT INTO main.crash.t VALUES ({value})")
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)
                continue
            if status == 200:
                self.statements.append(answer["statement_id"])
                if answer["status"]["state"] == "SUCCEEDED":
                    self.acknowledged.append(value)

    def finish(self):
        self.stop = True
        for thread in self.threads:
            thread.join(90)
            assert not thread.is_alive(), "a client hangs"


@pytest.fixture
def crashing(own_server):
    until_it_works(own_server, "CREATE SCHEMA IF NOT EXISTS main.crash")
    until_it_works(own_server, "CREATE TABLE IF NOT EXISTS main.crash.t (n BIGINT)")
    return own_server


def check(server, load):
    answer = until_it_works(server, "SELECT n FROM main.crash.t")
    rows = answer["result"].get("data_array", [])
    found = [int(row[0]) for row in rows]
    missing = set(load.acknowledged) - set(found)
    assert not missing, f"{len(missing)} acknowledged rows are lost"
    assert len(found) == len(set(found)), "a row was written twice"
    assert load.acknowledged, "the load never got through"
    for statement in load.statements[-50:]:
        status, answer = call(server, "GET", f"/api/2.0/sql/statements/{statement}")
        assert status in (200, 404) and (status == 404 or answer["status"]["state"] in FINAL), answer


def test_engines_and_nodes_die_under_load(crashing):
    load = Load(crashing)
    chance = random.Random(7)
    for round_ in range(6):
        time.sleep(chance.uniform(0.2, 0.8))
        word = "engine" if round_ % 2 == 0 else "node"
        for pid in named(children(crashing.process.pid), word)[:1]:
            before = children(pid)
            os.kill(pid, signal.SIGKILL)
            assert gone(before), f"processes of a killed {word} stayed"
        until_it_works(crashing, "SELECT 1")
    load.finish()
    check(crashing, load)


def test_the_server_dies_under_load(crashing):
    load = Load(crashing)
    chance = random.Random(11)
    for _ in range(4):
        time.sleep(chance.uniform(0.3, 1.0))
        everyone = children(crashing.process.pid)
        crashing.process.send_signal(signal.SIGKILL)
        crashing.process.wait()
        assert gone(everyone), "orphans of a killed server stayed"
        crashing.start()
        until_it_works(crashing, "SELECT 1")
    load.finish()
    check(crashing, load)


def test_sigterm_drains(crashing):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(sql(crashing, "SELECT count(*) FROM range(30000000)")))
    thread.start()
    time.sleep(0.3)
    everyone = children(crashing.process.pid)
    start = time.monotonic()
    crashing.process.send_signal(signal.SIGTERM)
    assert crashing.process.wait(15) == 0
    assert time.monotonic() - start < 10
    assert gone(everyone)
    thread.join(10)
    assert answers and answers[0][0] == 200 and answers[0][1]["status"]["state"] in FINAL, answers


