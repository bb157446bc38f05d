"""OpenTelemetry: one trace of a statement through all parts, at a collector of the test."""

import http.server
import secrets
import threading

import pytest
import requests

from server import Server, temporary_directory, until


def fields(data):
    """The fields of a protobuf message: (number, value); bytes for what has a length."""
    at = 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        yield key >> 3, data[at : at + size]
        at += size


def inside(data, *numbers):
    """All values under this path of field numbers."""
    found = [data]
    for number in numbers:
        found = [value for one in found for key, value in fields(one) if key == number]
    return found


class Span:
    def __init__(self, data):
        one = dict(fields(data))
        self.trace, self.id, self.parent = one[1].hex(), one[2].hex(), one.get(4, b"").hex()
        self.name = one[5].decode()
        self.start, self.end = (int.from_bytes(one[n], "little") for n in (7, 8))
        attributes = [dict(fields(value)) for key, value in fields(data) if key == 9]
        self.attributes = {one[1].decode(): dict(fields(one[2])) for one in attributes}


@pytest.fixture
def collector():
    bodies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    listener.spans = lambda: [Span(span) for body in list(bodies) for span in inside(body, 1, 2, 2)]
    listener.bodies = bodies
    yield listener
    listener.shutdown()
    listener.server_close()


@pytest.fixture
def traced(collector):
    with temporary_directory() as directory:
        env = {"BIPLANE_SAMPLES_SCALE": "0", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}", "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_TRACES_SAMPLER_ARG": "0"}
        server = Server(directory, env=env)
        try:
            yield server
        finally:
            server.stop()


def test_a_statement_is_one_trace(traced, collector):
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)

    def run(statement, traceparent):
        body = {"warehouse_id": traced.warehouse_id, "statement": statement, "wait_timeout": "50s"}
        headers = {"Authorization": f"Bearer {traced.token}", **({"traceparent": traceparent} if traceparent else {})}
        answer = requests.post(f"{traced.url}/api/2.0/sql/statements", json=body, headers=headers, timeout=60)
        assert answer.json()["status"]["state"] == "SUCCEEDED", answer.text
        return answer.json()["statement_id"]

    run("SELECT 'nobody asked for this'", None)
    run("SELECT 'nor for this'", f"00-{secrets.token_hex(16)}-{caller}-00")
    statement_id = run("CREATE TABLE main.default.traced AS SELECT 'a secret' AS text FROM system.information_schema.schemata", f"00-{trace_id}-{caller}-01")
    wanted = {"statement_execute", "statement", "statement admission", "warehouse acquire", "engine execute", "engine", "parse", "prepare", "commit", "statement record"}
    until(lambda: wanted <= {span.name for span in collector.spans()}, what="the spans of the statement")
    read = run("SELECT count(*) FROM main.default.traced", f"00-{trace_id}-{caller}-01")
    until(lambda: {"plan", "resolve", "execute"} <= {span.name for span in collector.spans()}, what="the spans of the query")
    until(lambda: sum(span.name == "statement" for span in collector.spans()) == 2, what="the end of both")
    spans = collector.spans()

    # One trace, every span in another, up to the caller's.
    assert {span.trace for span in spans} == {trace_id}
    by_id = {span.id: span for span in spans}
    for span in spans:
        seen = set()
        while span.parent != caller:
            assert span.id not in seen
            seen.add(span.id)
            span = by_id[span.parent]
    name_of = lambda name: next(span for span in spans if span.name == name)  # noqa: E731
    assert by_id[name_of("engine").parent].name == "engine execute"
    assert by_id[name_of("engine execute").parent].name == "statement"
    assert by_id[name_of("parse").parent].name == "engine"
    for span in spans:
        assert span.start <= span.end
    ids = {span.attributes["biplane.statement_id"][1].decode() for span in spans if span.name == "statement"}
    assert ids == {statement_id, read}
    everything = b"".join(collector.bodies)
    for secret in (b"a secret", b"SELECT", b"traced AS", traced.token.encode()):
        assert secret not in everything
