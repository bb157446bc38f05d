"""The classic plane whole: a workspace in an AWS account, a cluster there, and its hosts booted for real. AWS is
moto's server; what it kept as user data of an instance runs in a network namespace, the customer's private subnet,
from which one may dial out and into which nobody may dial."""

import base64
import functools
import hashlib
import http.server
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import OperationFailed
from databricks.sdk.service import iam
from databricks.sdk.service.compute import Language, ResultType, State

from cloud import REGION
from links import Link
from server import IMAGES, binary, free_port, temporary_directory, until
from test_provisioning import Site
from test_python import Python

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="networks are made by root")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Plane(Site):
    """A server that hosts reach at one address, and the customer's account and network."""

    def __init__(self, directory):
        self.directory, self.link = directory, Link()
        program = directory / "program"
        program.mkdir()
        (program / "biplane").symlink_to(Path(binary()).resolve())
        self.files = http.server.ThreadingHTTPServer((self.link.server, 0), functools.partial(Quiet, directory=program))
        threading.Thread(target=self.files.serve_forever, daemon=True).start()
        self.relay = f"{self.link.server}:{free_port()}"
        super().__init__(directory)
        self.server.env["BIPLANE_IMAGES_DIR"] = IMAGES
        self.server.stop()
        self.server.options += ("--relay-listen", self.relay, "--host-program-url", f"http://{self.link.server}:{self.files.server_address[1]}/biplane")
        self.server.options += ("--host-program-sha256", hashlib.file_digest(open(binary(), "rb"), "sha256").hexdigest())
        self.server.start()
        # The customer's network leads to no package index: what Python needs is in the image of the machines.
        Python(WorkspaceClient(host=self.server.url, token=self.server.token)).destroy()
        self.client = self.workspace()
        self.running, self.hosts = True, {}
        self.cloud_runs = threading.Thread(target=self.be_the_cloud, daemon=True)
        self.cloud_runs.start()

    def workspace(self):
        parts = self.parts("classic", self.cloud.network())
        made = self.a.workspaces.create_and_wait(workspace_name="Classic", deployment_name="classic", aws_region=REGION, **parts)
        principal = self.a.service_principals.create(display_name="robot", active=True)
        self.a.workspace_assignment.update(made.workspace_id, int(principal.id), permissions=[iam.WorkspacePermission.ADMIN])
        secret = self.a.service_principal_secrets.create(service_principal_id=principal.id)
        answer = requests.post(
            f"{self.server.url}/oidc/accounts/{self.server.account_id}/v1/token",
            data={"grant_type": "client_credentials", "scope": "all-apis"},
            auth=(principal.application_id, secret.secret),
        )
        answer.raise_for_status()
        return WorkspaceClient(host=self.server.url, token=answer.json()["access_token"], workspace_id=str(made.workspace_id))

    def instances(self, *states):
        found = self.cloud.ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": list(states)}] if states else [])
        return {one["InstanceId"]: one for reservation in found["Reservations"] for one in reservation["Instances"]}

    def be_the_cloud(self):
        """What runs in the account is booted; what does not is switched off."""
        while self.running:
            wanted = self.instances("pending", "running")
            for id in wanted.keys() - self.hosts.keys():
                self.hosts[id] = self.boot(id)
            for id in self.hosts.keys() - wanted.keys():
                self.switch_off(id)
            time.sleep(0.1)

    def boot(self, id):
        user_data = self.cloud.ec2.describe_instance_attribute(InstanceId=id, Attribute="userData")["UserData"]["Value"]
        disk = self.directory / id
        (disk / "opt" / "biplane").mkdir(parents=True)
        (disk / "lib").mkdir()
        (disk / "user-data").write_bytes(base64.b64decode(user_data))
        # The machine's own disk: what is installed there is a bootable image's. A build for development has its
        # engine in a file of its own.
        first = "mount --bind $1/opt /opt; mount --bind $1/lib /var/lib; [ ! -d /run/systemd ] || mount -t tmpfs none /run/systemd; "
        engine = Path(binary()).with_name("biplane-engine")
        if engine.exists():
            first += f"touch /opt/biplane/biplane-engine; mount --bind {engine.resolve()} /opt/biplane/biplane-engine; "
        command = [*self.link.inside(), "unshare", "--mount", "sh", "-ec", first + "exec sh $1/user-data", "sh", str(disk)]
        env = {"PATH": os.environ["PATH"], "HOME": "/root", "BIPLANE_IMAGES_DIR": IMAGES}
        with open(self.server.directory / "server.log", "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=env)

    def switch_off(self, id):
        if process := self.hosts.pop(id, None):
            process.kill()
            process.wait()

    def listening(self):
        """Sockets of the customer's network that wait for a connection."""
        seen = subprocess.run([*self.link.inside(), "cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=True)
        return [line for line in seen.stdout.splitlines() if " 0A " in line]

    def stop(self):
        self.running = False
        if hasattr(self, "cloud_runs"):
            self.cloud_runs.join()
            for id in list(self.hosts):
                self.switch_off(id)
        super().stop()
        self.files.shutdown()
        self.link.remove()

    def fields(self, **more):
        version = self.client.clusters.select_spark_version(long_term_support=True)
        return {"cluster_name": "classic", "spark_version": version, "node_type_id": "m5.xlarge", "autotermination_minutes": 30, **more}

    def run(self, cluster, language, command):
        api = self.client.command_execution
        context = api.create_and_wait(cluster_id=cluster, language=language).id
        results = api.execute_and_wait(cluster_id=cluster, context_id=context, language=language, command=command).results
        api.destroy(cluster, context)
        assert results.result_type != ResultType.ERROR, results.cause
        return results.data


@pytest.fixture(scope="module")
def plane():
    with temporary_directory() as directory:
        plane = Plane(Path(directory))
        try:
            yield plane
        finally:
            plane.stop()


def test_a_cluster_runs_in_the_network_of_the_customer(plane):
    clusters = plane.client.clusters
    made = clusters.create_and_wait(**plane.fields(num_workers=1))
    assert made.state == State.RUNNING and len(made.executors) == 1
    [first, second] = plane.instances("running").values()
    assert {first["InstanceId"], second["InstanceId"]} == {made.driver.instance_id, made.executors[0].instance_id}
    assert "PublicIpAddress" not in first and first["MetadataOptions"]["HttpTokens"] == "required"

    assert plane.run(made.cluster_id, Language.PYTHON, "sum(range(10))") == "45"
    # SQL goes to a warehouse of the workspace, wherever its context is: the one that every new workspace has.
    [warehouse] = plane.client.warehouses.list()
    assert warehouse.name == "Starter Warehouse" and warehouse.state.value == "STOPPED"
    assert plane.run(made.cluster_id, Language.SQL, "SELECT 6 * 7 AS n") == [[42]]
    plane.client.warehouses.stop(warehouse.id)
    # While all that works, nobody could come in.
    assert plane.listening() == []

    # The cloud takes the driver's machine away.
    plane.cloud.ec2.terminate_instances(InstanceIds=[made.driver.instance_id])
    ended = until(lambda: (seen := clusters.get(made.cluster_id)).state == State.TERMINATED and seen, seconds=60, what="the end")
    assert ended.termination_reason.code.value in ("CLOUD_PROVIDER_SHUTDOWN", "DRIVER_UNREACHABLE"), ended.termination_reason
    until(lambda: not plane.instances("pending", "running"), what="the end of what was left of it")

    # Started again it is on new machines; deleted, on none.
    clusters.ensure_cluster_is_running(made.cluster_id)
    assert plane.run(made.cluster_id, Language.PYTHON, "'again'") == "'again'"
    clusters.permanent_delete(made.cluster_id)
    until(lambda: not plane.instances("pending", "running") and not plane.hosts, what="the end of the machines")


@pytest.mark.parametrize(
    "action, code, status, reason",
    [
        ("RunInstances", "InsufficientInstanceCapacity", 500, "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE"),
        ("RunInstances", "InsufficientFreeAddressesInSubnet", 400, "AWS_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET_FAILURE"),
        ("RunInstances", "VcpuLimitExceeded", 400, "AWS_RESOURCE_QUOTA_EXCEEDED"),
        ("RunInstances", "UnauthorizedOperation", 403, "AWS_AUTHORIZATION_FAILURE"),
    ],
)
def test_a_cloud_that_refuses_is_told_and_leaves_nothing(plane, action, code, status, reason):
    plane.cloud.faults({"action": action, "code": code, "status": status, "times": 99})
    clusters = plane.client.clusters
    id = clusters.create(**plane.fields(cluster_name=code, num_workers=0)).response.cluster_id
    with pytest.raises(OperationFailed):
        clusters.wait_get_cluster_running(id)
    ended = clusters.get(id)
    assert (ended.state, ended.termination_reason.code.value) == (State.TERMINATED, reason)
    assert ended.termination_reason.parameters["aws_api_error_code"] == code
    plane.cloud.faults()
    assert not plane.instances("pending", "running")
    # What was in the way is gone: the same cluster starts.
    clusters.start_and_wait(id)
    clusters.permanent_delete(id)
    until(lambda: not plane.hosts, what="the end of the machine")
