"""Serverless Python through the Command Execution API, with the unmodified SDK."""

import os

import pytest
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, NotFound
from databricks.sdk.service.compute import CommandStatus, Language, ResultType

from server import WITH_CODE, Server, temporary_directory, until

CLUSTER = "serverless"


@pytest.fixture(scope="module")
def code_server():
    with temporary_directory() as directory:
        server = Server(directory, env=WITH_CODE)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def client(code_server):
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=code_server.url, token=code_server.token)


class Python:
    """A context, without the SDK's long pauses."""

    def __init__(self, client, language=Language.PYTHON):
        self.api = client.command_execution
        self.id = self.api.create(cluster_id=CLUSTER, language=language).response.id
        until(self.running, seconds=600, what="the context")

    def running(self):
        status = self.api.context_status(CLUSTER, self.id).status.value
        assert status != "Error", "the context failed"
        return status == "Running"

    def start(self, code, language=Language.PYTHON):
        return self.api.execute(cluster_id=CLUSTER, context_id=self.id, language=language, command=code).command_id

    def ended(self, command, seconds=90):
        def done():
            answer = self.api.command_status(CLUSTER, self.id, command)
            return answer if answer.status.value in ("Finished", "Error", "Cancelled") else None

        return until(done, seconds=seconds, what="the command")

    def run(self, code, language=Language.PYTHON):
        return self.ended(self.start(code, language))

    def text(self, code):
        answer = self.run(code)
        assert answer.results.result_type == ResultType.TEXT, answer.results.cause
        return answer.results.data

    def error(self, code):
        answer = self.run(code)
        assert answer.results.result_type == ResultType.ERROR, answer.results.data
        return answer.results.cause

    def destroy(self):
        self.api.destroy(CLUSTER, self.id)


@pytest.fixture(scope="module")
def python(client):
    context = Python(client)
    yield context
    context.destroy()


def test_hello_and_state_with_the_waiters_of_the_sdk(client):
    api = client.command_execution
    context = api.create_and_wait(cluster_id=CLUSTER, language=Language.PYTHON)
    answer = api.execute_and_wait(cluster_id=CLUSTER, context_id=context.id, language=Language.PYTHON, command="x = 41\nprint('hello')")
    assert answer.status == CommandStatus.FINISHED
    assert answer.results.result_type == ResultType.TEXT and answer.results.data == "hello\n"
    answer = api.execute_and_wait(cluster_id=CLUSTER, context_id=context.id, language=Language.PYTHON, command="x + 1")
    assert answer.results.data == "42"
    api.destroy(CLUSTER, context.id)
    with pytest.raises(NotFound):
        api.context_status(CLUSTER, context.id)


def test_output_comes_in_order_and_is_cut(python):
    assert python.text("import sys, subprocess\nprint('a')\nprint('b', file=sys.stderr)\nsubprocess.run([sys.executable, '-c', 'print(\"c\")']).returncode\n'd'") == "a\nb\nc\n'd'"
    answer = python.run("print('x' * 3_000_000)")
    assert answer.results.truncated and len(answer.results.data) <= 1 << 20


def test_a_data_frame_is_a_table(python):
    answer = python.run("import pandas as pd\npd.DataFrame({'id': [1, 2], 'name': ['a', None], 'at': pd.to_datetime(['2026-01-01', None])})")
    results = answer.results
    assert results.result_type == ResultType.TABLE, results.cause
    assert [column["name"] for column in results.schema] == ["id", "name", "at"]
    assert [column["type"] for column in results.schema] == ["bigint", "string", "timestamp"]
    assert results.data == [[1, "a", "2026-01-01T00:00:00"], [2, None, None]]
    answer = python.run("pd.DataFrame({'n': range(50_000)})")
    assert answer.results.truncated and len(answer.results.data) == 10_000
    answer = python.run("import pyarrow as pa\npa.table({'n': [1, None]})")
    assert answer.results.data == [[1], [None]]


def test_a_figure_is_an_image(python):
    answer = python.run("import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()")
    assert answer.results.result_type == ResultType.IMAGE, answer.results.cause
    assert answer.results.file_name.startswith("data:image/png;base64,iVBOR")
    answer = python.run("for n in range(2):\n    plt.figure(); plt.plot([n])")
    assert answer.results.result_type == ResultType.IMAGES and len(answer.results.file_names) == 2


def test_an_exception_has_its_traceback(python):
    results = python.run("def f():\n    return 1 / 0\n\nf()").results
    assert results.result_type == ResultType.ERROR
    assert "ZeroDivisionError" in results.summary and "division by zero" in results.cause
    assert "in f" in results.cause and "worker.py" not in results.cause
    assert "SyntaxError" in python.error("if:")


def test_an_endless_loop_is_cancelled_and_the_context_goes_on(python):
    python.run("kept = 7")
    command = python.start("while True:\n    pass")
    until(lambda: python.api.command_status(CLUSTER, python.id, command).status == CommandStatus.RUNNING)
    answer = python.api.cancel_and_wait(cluster_id=CLUSTER, context_id=python.id, command_id=command)
    assert answer.status == CommandStatus.CANCELLED
    assert python.text("kept") == "7"


def test_what_ignores_interrupts_is_ended(python):
    command = python.start("import time\nwhile True:\n    try:\n        time.sleep(1)\n    except KeyboardInterrupt:\n        pass")
    until(lambda: python.api.command_status(CLUSTER, python.id, command).status == CommandStatus.RUNNING)
    python.api.cancel(cluster_id=CLUSTER, context_id=python.id, command_id=command)
    assert python.ended(command).status == CommandStatus.CANCELLED
    assert python.text("1 + 1") == "2"


def test_the_end_of_the_process_is_told(python):
    assert "exit code 3" in python.error("import os\nos._exit(3)")
    assert "SIGSEGV" in python.error("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    assert python.text("'still here'") == "'still here'"


def test_the_sandbox_keeps_the_host_out(python, code_server):
    for path in ["/etc/shadow", "/root", str(code_server.directory), "/proc/1/environ", "/home/x", "/work/main"]:
        cause = python.error(f"import os\nos.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}).read()")
        assert "FileNotFoundError" in cause or "PermissionError" in cause, path
    port = int(code_server.address.rsplit(":", 1)[1])
    cause = python.error(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=5)")
    assert "ConnectionRefusedError" in cause
    cause = python.error("import socket\nsocket.create_connection(('169.254.169.254', 80), timeout=5)")
    assert "OSError" in cause or "unreachable" in cause
    assert python.text("import os\n(os.getuid(), open('/proc/self/status').read().split('CapEff:')[1].split()[0])") == "(1000, '0000000000000000')"
    assert "DATABRICKS" not in python.text("import os\nrepr(dict(os.environ))")


def test_contexts_do_not_share_variables_and_are_their_owners(client, python, code_server):
    other = Python(client)
    python.run("secret = 1")
    assert "NameError" in other.error("secret")
    other.destroy()
    stranger = person(client, code_server, "stranger")
    for call in [
        lambda: stranger.command_execution.context_status(CLUSTER, python.id),
        lambda: stranger.command_execution.execute(cluster_id=CLUSTER, context_id=python.id, language=Language.PYTHON, command="1"),
        lambda: stranger.command_execution.destroy(CLUSTER, python.id),
    ]:
        with pytest.raises(NotFound):
            call()


def person(client, server, name):
    """A user of the workspace without rights on data."""
    from databricks.sdk import WorkspaceClient

    principal = client.service_principals.create(display_name=name, active=True)
    token = client.token_management.create_obo_token(application_id=principal.application_id, comment=name, lifetime_seconds=3600)
    return WorkspaceClient(host=server.url, token=token.token_value)


def make_table(client, server):
    def sql(statement):
        answer = client.statement_execution.execute_statement(statement=statement, warehouse_id=server.warehouse_id, wait_timeout="50s")
        assert answer.status.state.value == "SUCCEEDED", answer.status.error

    sql("CREATE CATALOG IF NOT EXISTS python_data")
    sql("CREATE SCHEMA IF NOT EXISTS python_data.s")
    sql("CREATE TABLE IF NOT EXISTS python_data.s.t AS SELECT id, concat('n', id) AS name FROM range(5)")


def test_data_is_read_as_the_user(client, python, code_server):
    make_table(client, code_server)
    assert python.text("import biplane\nbiplane.sql('SELECT sum(id) AS s FROM python_data.s.t').to_pylist()") == "[{'s': 10}]"
    query = "biplane.sql('SELECT name FROM python_data.s.t WHERE id = :id', {'id': 3}).to_pandas()"
    assert python.run(query).results.data == [["n3"]]
    assert "TABLE_OR_VIEW_NOT_FOUND" in python.error("biplane.sql('SELECT * FROM python_data.s.missing')")
    assert python.text("biplane.sql('SELECT * FROM range(200000)').num_rows") == "200000"
    other = Python(person(client, code_server, "reader"))
    cause = other.error("import biplane\nbiplane.sql('SELECT * FROM python_data.s.t')")
    assert "PermissionDenied" in cause, cause
    other.destroy()


def test_nothing_but_statements_can_be_called(python):
    code = """
import biplane
def status(method, path, body=None):
    try:
        with biplane._Client() as client:
            return client.call(method, path, body)
    except biplane.Error as error:
        return error.code
"""
    python.run(code)
    for method, path in [("GET", "/api/2.0/preview/scim/v2/Me"), ("POST", "/internal/v1/resolve"), ("POST", "/api/2.0/token/create")]:
        assert python.text(f"status({method!r}, {path!r}, {{}})") == "'PERMISSION_DENIED'"


def test_sql_runs_in_contexts_too(client, python, code_server):
    make_table(client, code_server)
    results = python.run("SELECT id, name FROM python_data.s.t ORDER BY id LIMIT 2", Language.SQL).results
    assert results.result_type == ResultType.TABLE, results.cause
    assert results.data == [[0, "n0"], [1, "n1"]]
    context = Python(client, Language.SQL)
    assert context.run("SELECT 1 AS one", Language.SQL).results.data == [[1]]
    assert "TABLE_OR_VIEW_NOT_FOUND" in context.run("SELECT * FROM nowhere", Language.SQL).results.cause
    context.destroy()


def test_what_is_not_there_is_refused(client):
    api = client.command_execution
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        api.create(cluster_id="0101-000000-abc", language=Language.PYTHON)
    for language in (Language.SCALA, Language.R):
        with pytest.raises(DatabricksError, match="not supported"):
            api.create(cluster_id=CLUSTER, language=language)
    with pytest.raises(NotFound):
        api.command_status(CLUSTER, "0" * 32, "0" * 32)


def test_pip_is_told_what_the_network_policy_allows(python):
    results = python.run("%pip install toolz").results
    assert results.result_type in (ResultType.TEXT, ResultType.ERROR)
    if results.result_type == ResultType.ERROR:
        assert "network policy" in results.cause or "no way out" in results.cause, results.cause
    else:
        assert python.text("import toolz\ntoolz.__name__") == "'toolz'"


def test_too_much_memory_ends_the_context_clearly(client, code_server):
    hog = Python(person(client, code_server, "hog"))
    command = hog.start("held = []\nwhile True:\n    held.append(bytearray(64 << 20))")
    answer = hog.ended(command)
    assert answer.results.result_type == ResultType.ERROR
    cause = answer.results.cause
    assert "memory" in cause or "SIGKILL" in cause or "MemoryError" in cause, cause


def test_a_node_that_is_killed_leaves_nothing():
    from databricks.sdk import WorkspaceClient

    with temporary_directory() as directory:
        server = Server(directory, env=WITH_CODE)
        try:
            client = WorkspaceClient(host=server.url, token=server.token)
            context = Python(client)
            context.run("import subprocess\nsubprocess.Popen(['/usr/bin/env', 'true'] if False else [__import__('sys').executable, '-c', 'import time; time.sleep(9999)'])")
            data = str(directory)
            node = until(lambda: processes(data, "node"), what="the node")
            before = set(map(int, filter(str.isdigit, os.listdir("/proc"))))
            sandboxed = [pid for pid in before if "runner.py" in cmdline(pid) and descends(pid, node[0])]
            assert sandboxed
            for pid in node:
                os.kill(pid, 9)
            until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in sandboxed), what="the end of the sandbox")
            until(lambda: context.api.context_status(CLUSTER, context.id).status.value == "Error", what="the word about it")
            assert Python(client).text("1 + 1") == "2"
        finally:
            server.stop()


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


def descends(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            with open(f"/proc/{pid}/stat") as file:
                pid = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


def processes(directory, word):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        arguments = cmdline(pid).split("\0")
        if word in arguments[1:2] and any(directory in argument for argument in arguments):
            found.append(int(pid))
    return found
