"""Figures of a release build, each beside a floor or a peer of the same run.

Usage: cargo xtask bench [name …]. Every figure says what was measured and with what; nothing is asserted
here, because a busy machine is not a regression.
"""

import configparser
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

BINARY = os.environ["BIPLANE_BIN"]


class Server:
    def __init__(self, directory, *options):
        self.directory = Path(directory)
        start = time.perf_counter()
        self.process = subprocess.Popen(
            [BINARY, "up", "--data-dir", directory, "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, stderr=open(self.directory / "server.log", "a"), text=True,
        )
        line = self.process.stdout.readline().strip()
        self.start_ms = (time.perf_counter() - start) * 1000
        if not line.startswith("ready "):
            raise SystemExit(f"the server did not start; see {self.directory}/server.log")
        self.url = line.removeprefix("ready ")
        self.address = self.url.removeprefix("http://")
        config = configparser.ConfigParser(default_section="none")
        config.read(self.directory / "databrickscfg")
        self.token = config["DEFAULT"]["token"]
        self.warehouse = config["DEFAULT"]["warehouse_id"]

    def rss_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def client(self):
        connection = http.client.HTTPConnection(self.address)

        def call(method, path, body=None):
            payload = json.dumps(body) if body is not None else None
            connection.request(method, path, payload, {"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
            return json.loads(content) if content[:1] in (b"{", b"[") else content

        return call

    def sql(self, call, text):
        body = {"statement": text, "warehouse_id": self.warehouse, "wait_timeout": "50s"}
        answer = call("POST", "/api/2.0/sql/statements", body)
        if answer["status"]["state"] != "SUCCEEDED":
            raise RuntimeError(answer["status"])
        return answer

    def connect(self, url=None, **options):
        from databricks import sql

        # What is measured is work, not the memory of it.
        options.setdefault("session_configuration", {"use_cached_result": "false"})
        return sql.connect(
            server_hostname="127.0.0.1", http_path=f"/sql/1.0/warehouses/{self.warehouse}", access_token=self.token,
            _connection_uri=f"{url or self.url}/sql/1.0/warehouses/{self.warehouse}", enable_telemetry=False, **options,
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)


class Replay:
    """Stands before a server, remembers its answers and then gives them from memory: what a client takes with
    it is the client's own time. Answers are known by their Thrift call, or by the path of a link."""

    def __init__(self, running):
        self.upstream, self.answers = running.address, {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        reader, piece = connection.makefile("rb"), 0
        while line := reader.readline():
            length, head = 0, []
            while (header := reader.readline()) not in (b"\r\n", b""):
                head.append(header)
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            body = reader.read(length)
            key = body[8:8 + int.from_bytes(body[4:8], "big")] if body[:2] == b"\x80\x01" else line
            # The pieces of a result come in turn, each time it is asked for anew.
            piece = piece + 1 if key == b"FetchResults" else 0 if key == b"ExecuteStatement" else piece
            key = (key, piece) if key == b"FetchResults" else key
            if key not in self.answers:
                self.answers[key] = self._ask(line, head, body)
            connection.sendall(self.answers[key])

    def _ask(self, line, head, body):
        host, port = self.upstream.split(":")
        with socket.create_connection((host, int(port))) as upstream:
            head = [header for header in head if not header.lower().startswith((b"connection:", b"host:"))]
            upstream.sendall(b"".join([line, *head, f"Host: {self.upstream}\r\nConnection: close\r\n\r\n".encode(), body]))
            answer = b"".join(iter(lambda: upstream.recv(1 << 20), b""))
        answer = answer.replace(b"connection: close\r\n", b"", 1)
        # Links lead here too: the same number of bytes, as Thrift says how many there are.
        return answer.replace(self.upstream.encode(), self.url.removeprefix("http://").encode())


def times(action, count, warm=20):
    for _ in range(warm):
        action()
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        taken.append((time.perf_counter() - start) * 1000)
    taken.sort()
    return f"p50 {taken[len(taken) // 2]:8.2f} ms   p99 {taken[int(len(taken) * 0.99)]:8.2f} ms   ({count} runs)"


def say(name, figure, target=""):
    print(f"{name:<58} {figure}{'   target ' + target if target else ''}", flush=True)


@contextmanager
def server(*options):
    directory = tempfile.mkdtemp(prefix="biplane-bench-")
    running = Server(directory, *options)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(directory, ignore_errors=True)


def bench_start():
    with tempfile.TemporaryDirectory() as directory:
        first = Server(directory, "--samples-scale", "0")
        say("first start to ready", f"{first.start_ms:.0f} ms")
        first.stop()
        floor = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run([BINARY, "--version"], stdout=subprocess.DEVNULL, check=True)
            floor.append((time.perf_counter() - start) * 1000)
        say("floor: the same binary prints its version", f"{statistics.median(floor):.0f} ms")
        starts = []
        for _ in range(5):
            again = Server(directory, "--samples-scale", "0")
            starts.append(again.start_ms)
            time.sleep(1)
            memory = again.rss_mib()
            again.stop()
        say("start on an existing directory", f"{statistics.median(starts):.0f} ms", "< 150 ms")
        say("memory of the server when idle", f"{memory:.0f} MiB", "< 60 MB")


def bench_http():
    with server("--samples-scale", "0") as running:
        call = running.client()
        say("floor: GET /healthz, one client", times(lambda: call("GET", "/healthz"), 2000))
        say("GET catalogs, authorised, one client", times(lambda: call("GET", "/api/2.1/unity-catalog/catalogs"), 2000), "p50 < 0.5 ms")
        wrk = shutil.which("wrk")
        if not wrk:
            say("16 clients", "not measured: install wrk")
            return
        for name, path in [("floor: 16 clients, GET /healthz", "/healthz"), ("16 clients, GET warehouse", f"/api/2.0/sql/warehouses/{running.warehouse}"),
                           ("16 clients, GET catalogs", "/api/2.1/unity-catalog/catalogs")]:
            command = [wrk, "-t1", "-c16", "-d5s", "--latency", "-H", f"Authorization: Bearer {running.token}", running.url + path]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rate = next(line for line in text.splitlines() if "Requests/sec" in line).split()[-1]
            tail = next(line for line in text.splitlines() if "99%" in line).split()[-1]
            bad = next((line.strip() for line in text.splitlines() if "Non-2xx" in line), "")
            say(name, f"{rate} requests/s   p99 {tail} {bad}", "> 10,000/s")


def bench_select_1():
    with server("--samples-scale", "0") as running:
        call = running.client()
        running.sql(call, "SELECT 1")
        say("SELECT 1 by REST, one client", times(lambda: running.sql(call, "SELECT 1"), 1000), "p50 < 1.5 ms")
        session = call("POST", "/api/2.0/sql/sessions", {"warehouse_id": running.warehouse})
        say("open and close a session by REST", times(lambda: call("DELETE", "/api/2.0/sql/sessions/" + call("POST", "/api/2.0/sql/sessions", {"warehouse_id": running.warehouse})["session_id"]), 200))
        call("DELETE", f"/api/2.0/sql/sessions/{session['session_id']}")
        with running.connect() as connection, connection.cursor() as cursor:
            say("SELECT 1 by Thrift connector", times(lambda: cursor.execute("SELECT 1").fetchall(), 500), "p50 < 4 ms")
        url = Replay(running).url
        with running.connect(url) as connection, connection.cursor() as cursor:
            say("floor: the connector alone, answered from memory", times(lambda: cursor.execute("SELECT 1").fetchall(), 500))
        say("connect and close by Thrift connector", times(lambda: running.connect().close(), 50, warm=3), "open < 20 ms")
        say("floor: the connector alone, answered from memory", times(lambda: running.connect(url).close(), 50, warm=3))


def bench_cold():
    with server("--samples-scale", "0") as running:
        call = running.client()
        path = f"/api/2.0/sql/warehouses/{running.warehouse}"

        def stop():
            call("POST", f"{path}/stop", {})
            while call("GET", path)["state"] != "STOPPED":
                time.sleep(0.02)

        taken = []
        running.sql(call, "SELECT 1")
        for _ in range(10):
            stop()
            start = time.perf_counter()
            running.sql(call, "SELECT 1")
            taken.append((time.perf_counter() - start) * 1000)
        say("stopped warehouse to first row", f"median {statistics.median(taken):.0f} ms   worst {max(taken):.0f} ms", "< 300 ms")


def bench_million():
    with server("--samples-scale", "0") as running:
        call = running.client()
        running.sql(call, "CREATE TABLE main.default.big AS SELECT value AS id, CAST(value AS DOUBLE) / 3 AS x, CAST(value AS STRING) AS s FROM range(1000000) AS t(value)")
        query = "SELECT * FROM main.default.big"
        for name, options in [("CloudFetch", {}), ("inline Arrow", {"use_cloud_fetch": False})]:
            with running.connect(**options) as connection, connection.cursor() as cursor:
                def fetch():
                    rows = cursor.execute(query).fetchall_arrow().num_rows
                    assert rows == 1_000_000, rows
                say(f"a million rows by Thrift, {name}", times(fetch, 5, warm=1))
            with running.connect(Replay(running).url, **options) as connection, connection.cursor() as cursor:
                say("floor: the connector alone, answered from memory", times(fetch, 5, warm=1))
        import pyarrow as arrow

        with running.connect() as connection, connection.cursor() as cursor:
            table = cursor.execute(query).fetchall_arrow()
        sink = arrow.BufferOutputStream()
        options = arrow.ipc.IpcWriteOptions(compression="lz4")
        with arrow.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        buffer = sink.getvalue()
        say("floor: the same rows decoded from memory", times(lambda: arrow.ipc.open_stream(buffer).read_all(), 5, warm=1))


def bench_clusters():
    """Clusters whose hosts are processes on this machine."""
    with server("--samples-scale", "0") as running:
        call = running.client()
        warm_up(call)
        fields = {"spark_version": call("GET", "/api/2.1/clusters/spark-versions")["versions"][0]["key"], "num_workers": 0, "autotermination_minutes": 60}
        fields["node_type_id"] = call("GET", "/api/2.1/clusters/list-node-types")["node_types"][0]["node_type_id"]

        def create(call, name):
            return call("POST", "/api/2.1/clusters/create", {"cluster_name": name, **fields})["cluster_id"]

        def state(call, id):
            return call("GET", f"/api/2.1/clusters/get?cluster_id={id}")["state"]

        taken = []
        for number in range(5):
            start = time.perf_counter()
            cluster = create(call, f"one-{number}")
            wait(lambda: state(call, cluster) == "RUNNING")
            context = Context(call, cluster)
            assert context.run("1 + 1") == "2"
            taken.append((time.perf_counter() - start) * 1000)
            if number < 4:
                call("POST", "/api/2.1/clusters/permanent-delete", {"cluster_id": cluster})
        say("a cluster on this machine, created to its first command", f"median {statistics.median(taken):.0f} ms   worst {max(taken):.0f} ms", "< 1 s")
        say("a command in Python, there and back", times(lambda: context.run("1 + 1"), 200), "p50 < 10 ms")
        call("POST", "/api/2.1/clusters/permanent-delete", {"cluster_id": cluster})
        wait(lambda: not agents(running))

        with ThreadPoolExecutor(16) as clients:
            local = threading.local()

            def with_client(action):
                def act(what):
                    local.call = getattr(local, "call", None) or running.client()
                    return action(local.call, what)

                return act

            start = time.perf_counter()
            ids = list(clients.map(with_client(lambda call, number: create(call, f"many-{number}")), range(200)))
            say("200 clusters asked for at once, by 16 clients", f"{time.perf_counter() - start:.1f} s")
            list(clients.map(with_client(lambda call, id: wait(lambda: state(call, id) == "RUNNING", 0.2)), ids))
            say("until the last of them runs", f"{time.perf_counter() - start:.1f} s   {len(agents(running))} agents")
            start = time.perf_counter()
            list(clients.map(with_client(lambda call, id: call("POST", "/api/2.1/clusters/permanent-delete", {"cluster_id": id})), ids))
            wait(lambda: not agents(running))
            say("deleted, until the last process has ended", f"{time.perf_counter() - start:.1f} s")


def warm_up(call):
    """What Python needs is built once for a machine; that is not what is measured."""
    Context(call, "serverless").destroy()


def agents(running):
    """Processes of hosts of clusters."""
    place = str(running.directory / "hosts")
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if place in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
        except OSError:
            pass
    return found


def wait(condition, pause=0.002, seconds=600):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("it takes too long")
        time.sleep(pause)


class Context:
    def __init__(self, call, cluster):
        self.call, self.cluster = call, cluster
        self.id = call("POST", "/api/1.2/contexts/create", {"clusterId": cluster, "language": "python"})["id"]
        wait(lambda: self.status() == "Running")

    def status(self):
        status = self.call("GET", f"/api/1.2/contexts/status?clusterId={self.cluster}&contextId={self.id}")["status"]
        if status == "Error":
            raise SystemExit("a context failed; see the log of the server")
        return status

    def run(self, command):
        asked = {"clusterId": self.cluster, "contextId": self.id, "language": "python", "command": command}
        id = self.call("POST", "/api/1.2/commands/execute", asked)["id"]
        path = f"/api/1.2/commands/status?clusterId={self.cluster}&contextId={self.id}&commandId={id}"
        while (answer := self.call("GET", path))["status"] in ("Queued", "Running"):
            pass
        return answer["results"]["data"]

    def destroy(self):
        self.call("POST", "/api/1.2/contexts/destroy", {"clusterId": self.cluster, "contextId": self.id})


BENCHES = {"start": bench_start, "http": bench_http, "select-1": bench_select_1, "cold": bench_cold, "million": bench_million, "clusters": bench_clusters}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHES:
        print(f"\n{chosen}")
        BENCHES[chosen]()
