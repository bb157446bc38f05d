"""@databricks/sql for Node.js, which speaks Thrift over TLS only."""

import json
import os
import subprocess
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def results(server, w):
    w.catalogs.create(name="nodejs")
    env = {
        **os.environ, "TEST_PORT": str(server.tls_port), "TEST_PATH": server.http_path, "TEST_TOKEN": server.token, "TEST_CA": server.ca_file,
    }
    done = subprocess.run(["node", "main.js"], cwd=NODE, env=env, capture_output=True, text=True, timeout=180)
    if done.returncode != 0:
        pytest.fail(done.stderr[-4000:], pytrace=False)
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_rows(results):
    assert results["select"] == [{"one": 1, "text": "x", "d": 1.25, "nothing": None, "list": [1, 2]}]


def test_parameters(results):
    assert results["named"] == [{"a": 42, "b": "it's", "c": None}]
    assert results["positional"] == [{"a": 1, "b": "two"}]


def test_large_results(results):
    assert results["cloud_fetch"] == results["inline"] == 300_000


def test_ddl_and_dml(results):
    assert results["inserted"] == [{"n": 1}, {"n": 2}]


def test_errors(results):
    assert "TABLE_OR_VIEW_NOT_FOUND" in results["error"]


def test_metadata(results):
    assert "nodejs" in results["catalogs"] and "default" in results["schemas"]
    assert results["tables"] == ["t"] and results["columns"] == ["n"]
    assert "TABLE" in results["table_types"] and "DECIMAL" in results["types"]
    assert results["functions"] == 0 and results["keys"] == 0
    assert results["dbms"]


def test_cancel(results):
    assert results["canceled"]
