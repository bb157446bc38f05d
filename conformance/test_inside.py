"""Unmodified clients in a sandbox, which has no network: pip, boto3, pyarrow, requests and urllib through the egress
door, by its proxy and without knowing of it. What they reach is named by private-endpoint rules, so no test needs
the internet."""

import functools
import hashlib
import http.server
import threading
import zipfile

import pytest
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.service import provisioning, settings

from server import WITH_CODE, Server, temporary_directory
from store import ACCESS_KEY, REGION, SECRET_KEY, Store
from test_python import Python  # noqa: F401, a fixture

NAMES = {"com.amazonaws.vpce.svc-store": "store.corp.invalid", "com.amazonaws.vpce.svc-index": "index.corp.invalid"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A package index with one package."""
    root = tmp_path_factory.mktemp("index")
    place = root / "simple" / "inside-only"
    place.mkdir(parents=True)
    wheel = place / "inside_only-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("inside_only.py", "WORD = 'installed'\n")
        archive.writestr("inside_only-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: inside-only\nVersion: 1.0\n")
        archive.writestr("inside_only-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("inside_only-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (place / "index.html").write_text(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>')
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root)) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served.server_address[1]
        served.shutdown()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"), "inside")
    yield store.port
    store.stop()


@pytest.fixture(scope="module")
def python(index, store):  # noqa: F811
    ports = dict(zip(NAMES, (store, index)))
    env = {**WITH_CODE, "BIPLANE_ENDPOINT_SERVICES": ",".join(f"{service}=127.0.0.1:{port}" for service, port in ports.items())}
    with temporary_directory() as directory:
        server = Server(directory, env=env)
        try:
            open_names(server)
            context = Python(WorkspaceClient(host=server.url, token=server.token))
            yield context
            context.destroy()
        finally:
            server.stop()


def open_names(server):
    a = AccountClient(host=server.url, token=server.token, account_id=server.account_id)
    workspace = int(server.workspace_id)
    wanted = settings.CreateNetworkConnectivityConfiguration(name="inside", region=a.workspaces.get(workspace).aws_region)
    config = a.network_connectivity.create_network_connectivity_configuration(wanted).network_connectivity_config_id
    for service, name in NAMES.items():
        rule = settings.CreatePrivateEndpointRule(endpoint_service=service, domain_names=[name])
        a.network_connectivity.create_private_endpoint_rule(config, rule)
    fields = provisioning.Workspace(network_connectivity_config_id=config)
    a.workspaces.update(workspace, customer_facing_workspace=fields, update_mask="network_connectivity_config_id").result()


# Programs that know no proxy are carried there as well.
WITHOUT_PROXY = "import os\nfor name in list(os.environ):\n    if name.lower().endswith('_proxy'):\n        del os.environ[name]\n"


def test_pip(python, index):
    results = python.run(f"%pip install --index-url http://index.corp.invalid:{index}/simple --trusted-host index.corp.invalid inside-only").results
    assert results.cause is None, results.cause
    assert python.text("import inside_only\ninside_only.WORD") == "'installed'"


@pytest.mark.parametrize("before", ["", WITHOUT_PROXY], ids=["proxy", "transparent"])
def test_http(python, index, before):
    url = f"http://index.corp.invalid:{index}/simple/inside-only/"
    code = f"import requests, urllib.request\n(requests.get({url!r}).status_code, urllib.request.urlopen({url!r}).status)"
    assert python.text(before + code) == "(200, 200)"


@pytest.mark.parametrize("before", ["", WITHOUT_PROXY], ids=["proxy", "transparent"])
def test_boto3(python, store, before):
    code = f"""
import boto3
s3 = boto3.client("s3", endpoint_url="http://store.corp.invalid:{store}", region_name={REGION!r},
                  aws_access_key_id={ACCESS_KEY!r}, aws_secret_access_key={SECRET_KEY!r})
s3.put_object(Bucket="inside", Key="a.txt", Body=b"from boto3" * 100_000)
len(s3.get_object(Bucket="inside", Key="a.txt")["Body"].read())"""
    assert python.text(before + code) == "1000000"


def test_pyarrow(python, store):
    code = f"""
import pyarrow as pa, pyarrow.parquet as pq
from pyarrow.fs import S3FileSystem
fs = S3FileSystem(endpoint_override="store.corp.invalid:{store}", scheme="http", region={REGION!r},
                  access_key={ACCESS_KEY!r}, secret_key={SECRET_KEY!r})
pq.write_table(pa.table({{"n": list(range(1000))}}), "inside/n.parquet", filesystem=fs)
pq.read_table("inside/n.parquet", filesystem=fs).num_rows"""
    assert python.text(code) == "1000"


def test_what_has_no_rule_is_no_name(python, store):
    assert "403" in python.error("import requests\nrequests.get('http://127.0.0.2:1/', proxies={'http': 'http://127.0.0.1:3128'}).raise_for_status()")
    assert "name" in python.error(WITHOUT_PROXY + "import socket\nsocket.create_connection(('other.corp.invalid', 80), 5)").lower()
