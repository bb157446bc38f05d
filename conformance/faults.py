"""What tests of faults share: statements that run for a while and have to end clearly, and who runs them."""

from leaks import children, named, words
from server import until
from test_crash import FINAL, call

#: A statement that runs for a second or so.
LONG = "SELECT count(*) FROM range(8000000) a WHERE a.id % 7 = 3"
#: What a statement that failed may say.
CLEAR = ("[ENGINE_LOST]", "[ENGINE_OUT_OF_MEMORY]", "[WAREHOUSE_UNAVAILABLE]", "[WAREHOUSE_STOPPED]")


def execute(server, text, wait="0s", warehouse=None, token=None):
    body = {"statement": text, "warehouse_id": warehouse or server.warehouse_id, "wait_timeout": wait, "on_wait_timeout": "CONTINUE"}
    if wait == "0s":
        del body["on_wait_timeout"]
    status, answer = call(server, "POST", "/api/2.0/sql/statements", body)
    assert status == 200, answer
    return answer


def ended(server, statement, seconds=90):
    """The statement at its end, which comes in time and is clear."""

    def look():
        status, answer = call(server, "GET", f"/api/2.0/sql/statements/{statement}")
        assert status == 200, answer
        return answer if answer["status"]["state"] in FINAL else None

    answer = until(look, seconds=seconds, what=f"the end of statement {statement}")
    if answer["status"]["state"] == "FAILED":
        message = answer["status"]["error"]["message"]
        assert message.startswith(CLEAR), message
    return answer


def state(answer):
    return answer["status"]["state"]


def nodes(server):
    return call(server, "GET", "/api/2.0/biplane/nodes")[1].get("nodes", [])


def known(server):
    return sum(len(node["sandboxes"]) for node in nodes(server))


def node_of(server):
    """The process of the server's own node; waits for it."""
    return until(lambda: named(children(server.process.pid), "node"), what="a node")[0]


def engines(node):
    return [pid for pid in children(node) if any(word.endswith("/relay.sock") for word in words(pid))]
