"""The connector with its Rust kernel: its own Python environment, one small program a test."""

import json
import os
import subprocess
import textwrap

import pytest

PYTHON = os.environ.get("BIPLANE_KERNEL_PYTHON")
pytestmark = pytest.mark.skipif(not PYTHON, reason="BIPLANE_KERNEL_PYTHON names no interpreter")

CONNECT = """
import json, os, sys
from databricks import sql
connection = sql.connect(
    server_hostname=os.environ["TEST_URL"], http_path=os.environ["TEST_PATH"], access_token=os.environ["TEST_TOKEN"],
    use_kernel=True, enable_telemetry=False)
cursor = connection.cursor()
"""


@pytest.fixture
def kernel(server):
    def run(program):
        env = {**os.environ, "TEST_URL": server.url, "TEST_PATH": server.http_path, "TEST_TOKEN": server.token}
        done = subprocess.run([PYTHON, "-c", CONNECT + textwrap.dedent(program) + "\nconnection.close()"], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


def test_select(kernel):
    assert kernel("cursor.execute('SELECT 1 AS one, current_user() AS me'); print(json.dumps([list(r) for r in cursor.fetchall()]))") == [[1, "admin@localhost"]]


def test_large_results(kernel):
    assert kernel("cursor.execute('SELECT id, repeat(\"x\", 50) AS f FROM range(300000)'); print(cursor.fetchall_arrow().num_rows)") == 300000


def test_parameters(kernel):
    assert kernel("cursor.execute('SELECT ? AS a, ? AS b', [7, 'x']); print(json.dumps(list(cursor.fetchone())))") == [7, "x"]


def test_errors(kernel):
    program = """
    try:
        cursor.execute("SELECT * FROM main.default.nowhere")
        print(json.dumps("no error"))
    except Exception as error:
        print(json.dumps(str(error)))
    """
    assert "TABLE_OR_VIEW_NOT_FOUND" in kernel(program)


def test_metadata(kernel):
    program = """
    cursor.catalogs(); found = [[row[0] for row in cursor.fetchall()]]
    cursor.schemas(catalog_name="main"); found.append([row[0] for row in cursor.fetchall()])
    cursor.tables(catalog_name="samples", schema_name="information_schema"); found.append(len(cursor.fetchall()))
    print(json.dumps(found))
    """
    catalogs, schemas, _ = kernel(program)
    assert "main" in catalogs and "default" in schemas
