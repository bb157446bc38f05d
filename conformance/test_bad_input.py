"""Hostile bytes on every door: an answer in the public shape, no internals in it, and the server goes on."""

import http.client
import json
import random
import socket
import struct

import pytest

LEAKS = ("panicked", "src/", ".rs:", "sqlx", "SQLITE", "stack backtrace", "thread '")


@pytest.fixture
def send(server):
    def send(method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(server.address, timeout=30)
        connection.request(method, path, body, {"Authorization": f"Bearer {server.token}", **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert not any(leak.encode() in content for leak in LEAKS), content[:500]
        return answer.status, answer.headers, content

    return send


@pytest.fixture(autouse=True)
def the_server_goes_on(server, send):
    yield
    assert server.process.poll() is None
    status, _, _ = send("GET", "/api/2.0/preview/scim/v2/Me")
    assert status == 200


def message(method, argument=b"\x00", version=b"\x80\x01\x00\x01"):
    name = method.encode()
    return version + struct.pack(">i", len(name)) + name + struct.pack(">i", 1) + b"\x0c\x00\x01" + argument + b"\x00"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\x00", b"GET / HTTP/1.1", b"\xff" * 64, b"\x80\x01\x00\x01\x7f\xff\xff\xff", message("OpenSession")[:-3],
        message("ExecuteStatement"), message("OpenSession", b"\x0d\x00\x04\x0b\x0b\x7f\xff\xff\xff"),
        message("OpenSession", b"\x0c\x03\xe7" * 10000), message("OpenSession", b"\x0f\x05\x01\x08\x7f\xff\xff\xff\x00"),
        message("OpenSession", b"\x0b\x00\x02\x00\x00\x00\x02\xff\xfe\x00"),
    ],
)
def test_broken_thrift_is_a_bad_request(send, server, body):
    status, headers, content = send("POST", server.http_path, body, {"Content-Type": "application/x-thrift"})
    assert status == 400 and headers["x-thriftserver-error-message"]
    assert content[:4] == b"\x80\x01\x00\x03"


def test_random_thrift(send, server):
    chance = random.Random(1)
    whole = message("OpenSession", b"\x0a\x05\x02\x00\x00\x00\x00\x00\x00\xa5\x08\x0c\x05\x04\x0b\x00\x01\x00\x00\x00\x04main\x00\x02\x05\x05\x01\x00")
    for _ in range(200):
        body = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        status, _, _ = send("POST", server.http_path, bytes(body), {"Content-Type": "application/x-thrift"})
        assert status in (200, 400)


def test_an_unknown_thrift_method_is_an_answer(send, server):
    status, _, content = send("POST", server.http_path, message("LaunchMissiles"), {"Content-Type": "application/x-thrift"})
    assert status == 200 and content[:4] == b"\x80\x01\x00\x03" and b"LaunchMissiles" in content


def test_a_forged_session_handle_is_invalid(send, server):
    handle = b"\x0c\x00\x01" + b"\x0c\x00\x01" + b"\x0b\x00\x01\x00\x00\x00\x10" + b"\x01" * 16 + b"\x0b\x00\x02\x00\x00\x00\x10" + b"\x02" * 16 + b"\x00\x00\x00"
    status, _, content = send("POST", server.http_path, message("CloseSession", handle), {"Content-Type": "application/x-thrift"})
    assert status == 200 and b"Invalid SessionHandle" in content


def test_thrift_without_a_token(server):
    connection = http.client.HTTPConnection(server.address, timeout=30)
    connection.request("POST", server.http_path, message("OpenSession"), {"Content-Type": "application/x-thrift"})
    assert connection.getresponse().status == 401


@pytest.mark.parametrize(
    "body, headers",
    [
        (b"{", {}), (b"[]", {}), (b'"x"', {}), (b"{\"statement\": 1}", {}), (b"\xff\xfe", {}), (b"{" * 100_000, {}),
        (json.dumps({"statement": "SELECT 1", "warehouse_id": "../../etc"}).encode(), {}),
        (json.dumps({"statement": "SELECT 1", "warehouse_id": "x", "wait_timeout": "-5s"}).encode(), {}),
        (json.dumps({"statement": "SELECT 1", "warehouse_id": "x", "parameters": [{"name": ["deep"]}]}).encode(), {}),
    ],
)
def test_broken_statement_requests(send, body, headers):
    status, _, content = send("POST", "/api/2.0/sql/statements", body, {"Content-Type": "application/json", **headers})
    assert 400 <= status < 500
    assert set(json.loads(content)) >= {"error_code", "message"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.1/unity-catalog/catalogs?page_token=%00%ff", "/api/2.1/unity-catalog/catalogs?max_results=-1", "/api/2.1/unity-catalog/tables/a%2Fb",
        "/api/2.1/unity-catalog/tables/" + "x" * 5000, "/api/2.0/sql/statements/%27%3B%20DROP%20TABLE", "/api/2.0/preview/scim/v2/Users/99999999999999999999",
        "/api/2.0/preview/scim/v2/Users?startIndex=abc", "/api/2.0/nowhere",
    ],
)
def test_broken_addresses(send, path):
    status, _, content = send("GET", path)
    assert 400 <= status < 500, content[:300]
    assert set(json.loads(content)) >= {"error_code", "message"} or "detail" in json.loads(content)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT " + "(" * 20000 + "1" + ")" * 20000, "SELECT " + "-" * 50000 + "1", "SELECT " + "NOT " * 20000 + "true",
        "SELECT 1 IN (" + ",".join(map(str, range(100_000))) + ")", "SELECT 'unterminated", "SELECT `a", "SELECT \x00", "SELECT 🦀", ";;;", "", " ",
        "SELECT " + "array(" * 3000 + ")" * 3000, "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT count(*) FROM t LIMIT 1",
        "SELECT * FROM `" + "x" * 10000 + "`.`y`.`z`", "SELECT * FROM `../../etc`.`passwd`.`x`", "SELECT * FROM csv.`/etc/passwd`", "SELECT * FROM read_files('file:///etc/passwd', format => 'csv')",
        "CREATE TABLE `a/b`.`c`.`d` (n INT)", "SELECT repeat('x', 2000000000)",
    ],
)
def test_absurd_sql_ends_clearly(send, server, statement):
    body = json.dumps({"statement": statement, "warehouse_id": server.warehouse_id, "wait_timeout": "5s", "on_wait_timeout": "CANCEL"})
    status, _, content = send("POST", "/api/2.0/sql/statements", body.encode())
    answer = json.loads(content)
    assert b"root:" not in content
    if status == 200:
        assert answer["status"]["state"] in ("SUCCEEDED", "FAILED", "CANCELED")
        if answer["status"]["state"] == "FAILED":
            assert answer["status"]["error"]["message"] and answer["status"]["error"]["error_code"] != "INTERNAL_ERROR", answer
    else:
        assert 400 <= status < 500 and answer["error_code"]


@pytest.mark.parametrize("value", ["repeat('x', 2000000000)", "lpad('x', 2000000000, 'y')", "space(CAST(2000000000 AS INT))", "size(array_repeat('x', 2000000000))", "length(repeat('x', id * 1000000)) FROM range(2000)"])
def test_a_value_beyond_all_bounds(send, server, value):
    body = json.dumps({"statement": f"SELECT {value}", "warehouse_id": server.warehouse_id, "wait_timeout": "50s"})
    answer = json.loads(send("POST", "/api/2.0/sql/statements", body.encode())[2])
    assert answer["status"]["state"] == "FAILED" and "RESOURCE_EXHAUSTED" in answer["status"]["error"]["message"], answer


def test_a_body_beyond_the_limit(server):
    """Refused without being read to the end."""
    host, port = server.address.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        head = f"POST /api/2.0/sql/statements HTTP/1.1\r\nHost: {server.address}\r\nAuthorization: Bearer {server.token}\r\nContent-Length: {1 << 40}\r\n\r\n"
        raw.sendall(head.encode())
        try:
            for _ in range(400):
                raw.sendall(b" " * (1 << 20))
        except OSError:
            pass
        try:
            answer = raw.recv(4096)
        except OSError:
            answer = b""
        assert answer == b"" or answer.split()[1] in (b"413", b"400")
