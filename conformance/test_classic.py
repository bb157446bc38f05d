"""The classic plane whole: a workspace in an AWS account, a cluster there, and its hosts booted for real. AWS is
moto's server; what it kept as user data of an instance runs in a network namespace, the customer's private subnet,
from which one may dial out and into which nobody may dial."""

import base64
import functools
import hashlib
import http.server
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import boto3
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, OperationFailed, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service import iam
from databricks.sdk.service.compute import AwsAttributes, AwsAvailability, EventType, Language, ResultType, State

from cloud import ACCOUNT, REGION
from links import Link
from server import IMAGES, binary, free_port, temporary_directory, until
from test_provisioning import Site
from test_python import Python
from test_spark_cluster import VERSION as APACHE_SPARK

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="networks are made by root")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Plane(Site):
    """A server that hosts reach at one address, and the customer's account and network."""

    def __init__(self, directory):
        # A network for each workspace: by its name, and by what it is in the account.
        self.directory, self.link, self.other = directory, Link(), Link()
        program = directory / "program"
        program.mkdir()
        (program / "biplane").symlink_to(Path(binary()).resolve())
        self.files = http.server.ThreadingHTTPServer((self.link.server, 0), functools.partial(Quiet, directory=program))
        threading.Thread(target=self.files.serve_forever, daemon=True).start()
        self.relay = f"{self.link.server}:{free_port()}"
        super().__init__(directory)
        self.server.env["BIPLANE_IMAGES_DIR"] = IMAGES
        self.server.stop()
        program_at = f"{self.link.server}:{self.files.server_address[1]}"
        for link in (self.link, self.other):
            link.close(self.relay, program_at)
        self.server.options += ("--relay-listen", self.relay, "--host-program-url", f"http://{program_at}/biplane")
        self.server.options += ("--host-program-sha256", hashlib.file_digest(open(binary(), "rb"), "sha256").hexdigest())
        self.server.start()
        # The customer's network leads to no package index: what Python needs is in the image of the machines.
        Python(WorkspaceClient(host=self.server.url, token=self.server.token)).destroy()
        self.links = {}
        self.client = self.workspace("classic", self.link)
        self.running, self.hosts, self.dead = True, {}, False
        self.cloud_runs = threading.Thread(target=self.be_the_cloud, daemon=True)
        self.cloud_runs.start()

    def workspace(self, name, link):
        network = self.cloud.network()
        self.links[network["vpc_id"]] = link
        parts = self.parts(name, network)
        made = self.a.workspaces.create_and_wait(workspace_name=name, deployment_name=name, aws_region=REGION, **parts)
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
                self.hosts[id] = self.boot(id, self.links[wanted[id]["VpcId"]])
            for id in self.hosts.keys() - wanted.keys():
                self.switch_off(id)
            time.sleep(0.1)

    def boot(self, id, link):
        if self.dead:
            return subprocess.Popen(["sleep", "infinity"])
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
        command = [*link.inside(), "unshare", "--mount", "sh", "-ec", first + "exec sh $1/user-data", "sh", str(disk)]
        env = {"PATH": os.environ["PATH"], "HOME": "/root", "BIPLANE_IMAGES_DIR": IMAGES}
        with open(self.server.directory / "server.log", "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=env)

    def switch_off(self, id):
        if process := self.hosts.pop(id, None):
            process.kill()
            process.wait()

    def listening(self, link):
        """Sockets of a customer's network that wait for a connection: address and port."""
        seen = subprocess.run([*link.inside(), "cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=True)
        ends = [line.split()[1].split(":") for line in seen.stdout.splitlines() if " 0A " in line]
        return [(socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)) for address, port in ends]

    def stop(self):
        self.running = False
        if hasattr(self, "cloud_runs"):
            self.cloud_runs.join()
            for id in list(self.hosts):
                self.switch_off(id)
        super().stop()
        self.files.shutdown()
        self.link.remove()
        self.other.remove()

    def fields(self, **more):
        version = self.client.clusters.select_spark_version(long_term_support=True)
        return {"cluster_name": "classic", "spark_version": version, "node_type_id": "m5.xlarge", "autotermination_minutes": 30, **more}

    def run(self, cluster, language, command, client=None):
        api = (client or self.client).command_execution
        context = api.create_and_wait(cluster_id=cluster, language=language).id
        results = api.execute_and_wait(cluster_id=cluster, context_id=context, language=language, command=command).results
        api.destroy(cluster, context)
        assert results.result_type != ResultType.ERROR, results.cause
        return results.data


def reach(link, end):
    """What becomes of a connection from within a network."""
    program = f"""
import socket
try:
    made = socket.create_connection({end!r}, timeout=3)
    made.sendall(b"connect someone 7077\\n")
    made.settimeout(20)
    while made.recv(4096):
        pass
    print("connected, then closed")
except OSError as error:
    print("Connection failed:", error)
"""
    done = subprocess.run([*link.inside(), "python3", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


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
    # While all that works, nobody can come in: hosts wait for each other alone, at the address of the private network.
    ends = plane.listening(plane.link)
    assert len(ends) == 2 and {address for address, _ in ends} == {plane.link.address}
    for end in ends:
        with pytest.raises(OSError):
            socket.create_connection(end, timeout=3)
        assert "Connection" in reach(plane.other, end), "the network of another workspace"
        # Who is in the network gets no further than TLS, which asks for a certificate of the cluster.
        assert reach(plane.link, end) == "connected, then closed"

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
        ("RunInstances", "MaxSpotInstanceCountExceeded", 400, "AWS_MAX_SPOT_INSTANCE_COUNT_EXCEEDED_FAILURE"),
        ("DescribeSubnets", "UnauthorizedOperation", 403, "AWS_AUTHORIZATION_FAILURE"),
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


def test_what_runs_on_a_host_reaches_nothing_but_its_doors(plane):
    """The sandbox of a user's code on a host of the customer's network."""
    clusters = plane.client.clusters
    made = clusters.create_and_wait(**plane.fields(num_workers=0))
    host, port = plane.relay.rsplit(":", 1)
    [mesh] = plane.listening(plane.link)
    ends = [(host, int(port)), (host, plane.files.server_address[1]), mesh, ("169.254.169.254", 80), (plane.other.address, 22)]
    program = f"""
import socket, urllib.request, urllib.error
said = []
for end in {ends!r}:
    try:
        socket.create_connection(end, timeout=2)
        said.append("reached")
    except OSError as error:
        said.append("refused")
try:
    urllib.request.urlopen("http://{host}:{plane.files.server_address[1]}/biplane", timeout=5)
    said.append("reached")
except OSError as error:
    said.append("refused")
" ".join(said)
"""
    assert plane.run(made.cluster_id, Language.PYTHON, program).strip("'").split() == ["refused"] * 6
    clusters.permanent_delete(made.cluster_id)
    until(lambda: not plane.hosts, what="the end of the machine")


def test_networks_of_two_workspaces_do_not_see_each_other(plane):
    other = plane.workspace("other", plane.other)
    mine = plane.client.clusters.create(**plane.fields(num_workers=0))
    theirs = other.clusters.create(**plane.fields(num_workers=0))
    mine, theirs = mine.result(), theirs.result()
    assert plane.instances()[mine.driver.instance_id]["VpcId"] != plane.instances()[theirs.driver.instance_id]["VpcId"]
    [one], [two] = plane.listening(plane.link), plane.listening(plane.other)
    assert (one[0], two[0]) == (plane.link.address, plane.other.address)
    assert "Connection failed" in reach(plane.link, two) and "Connection failed" in reach(plane.other, one)
    assert reach(plane.other, two) == "connected, then closed"
    plane.client.clusters.permanent_delete(mine.cluster_id)
    other.clusters.permanent_delete(theirs.cluster_id)
    until(lambda: not plane.hosts, what="the end of the machines")


def test_apache_spark_has_workers_on_hosts_of_their_own(plane):
    # The image of the machines has it, as that of Python.
    local = WorkspaceClient(host=plane.server.url, token=plane.server.token)
    node_type = local.clusters.select_node_type()
    prepared = local.clusters.create_and_wait(cluster_name="image", spark_version=APACHE_SPARK, node_type_id=node_type, num_workers=0)
    assert plane.run(prepared.cluster_id, Language.PYTHON, "spark.range(10).count()", client=local) == "10"
    local.clusters.permanent_delete(prepared.cluster_id)

    clusters = plane.client.clusters
    made = clusters.create_and_wait(**plane.fields(num_workers=1, spark_version=APACHE_SPARK))
    program = """
from pyspark.sql.functions import udf

@udf("string")
def where(_):
    import os
    return os.environ["BIPLANE_SANDBOX"]

hosts = {row.host for row in spark.range(0, 8, 1, 4).select(where("id").alias("host")).collect()}
(spark.range(1_000_000).count(), len(hosts))
"""
    assert plane.run(made.cluster_id, Language.PYTHON, program) == "(1000000, 1)"
    clusters.permanent_delete(made.cluster_id)
    until(lambda: not plane.hosts, what="the end of the machines")


def test_spot_hosts_that_are_taken_back(plane):
    clusters = plane.client.clusters
    spot = AwsAttributes(availability=AwsAvailability.SPOT_WITH_FALLBACK, first_on_demand=1)
    id = clusters.create_and_wait(**plane.fields(num_workers=1, aws_attributes=spot)).cluster_id
    made = clusters.get(id)
    assert not made.driver.node_aws_attributes.is_spot and made.executors[0].node_aws_attributes.is_spot
    # A worker is replaced; as there is no spot capacity any more, on demand.
    scarce = {"action": "RunInstances", "code": "InsufficientInstanceCapacity", "status": 500, "where": {"InstanceMarketOptions.MarketType": "spot"}, "times": 99}
    plane.cloud.faults(scarce)
    lost = made.executors[0].instance_id
    plane.cloud.reclaim(lost)
    until(lambda: (now := clusters.get(id)).executors and now.executors[0].instance_id != lost and now.state == State.RUNNING, seconds=90, what="another worker")
    assert not clusters.get(id).executors[0].node_aws_attributes.is_spot
    [event] = [one for one in clusters.events(id) if one.type == EventType.NODES_LOST]
    assert event.details.reason.code.value == "SPOT_INSTANCE_TERMINATION"
    plane.cloud.faults()
    clusters.delete_and_wait(id)

    # With its driver the cluster ends, and says why; without fallback one that cannot be had again is told.
    clusters.edit(id, **plane.fields(num_workers=0, aws_attributes=AwsAttributes(availability=AwsAvailability.SPOT)))
    driver = clusters.start_and_wait(id).driver
    assert driver.node_aws_attributes.is_spot
    plane.cloud.reclaim(driver.instance_id)
    ended = until(lambda: (now := clusters.get(id)).state == State.TERMINATED and now, seconds=60, what="the end")
    assert (ended.termination_reason.code.value, ended.termination_reason.type.value) == ("SPOT_INSTANCE_TERMINATION", "CLOUD_FAILURE")
    assert ended.termination_reason.parameters["instance_id"] == driver.instance_id
    plane.cloud.faults(scarce)
    with pytest.raises(OperationFailed):
        clusters.start_and_wait(id)
    assert clusters.get(id).termination_reason.code.value == "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE"
    plane.cloud.faults()
    clusters.permanent_delete(id)
    until(lambda: not plane.instances("pending", "running") and not plane.hosts, what="the end of the machines")


def test_a_cloud_that_asks_to_slow_down_is_asked_again(plane):
    plane.cloud.faults({"action": "RunInstances", "code": "RequestLimitExceeded", "status": 503, "times": 4})
    clusters = plane.client.clusters
    made = clusters.create_and_wait(**plane.fields(num_workers=0))
    assert made.state == State.RUNNING
    clusters.permanent_delete(made.cluster_id)
    until(lambda: not plane.hosts, what="the end of the machine")


@pytest.fixture
def impatient(plane):
    """A server that waits for nothing for long."""
    options = plane.server.options

    def restart(*more):
        plane.server.stop()
        plane.server.options = (*options, *more)
        plane.server.start()

    restart("--host-boot-seconds", "4", "--host-launch-seconds", "2")
    yield plane
    plane.cloud.faults()
    restart()


def refused(plane, id):
    with pytest.raises(OperationFailed):
        plane.client.clusters.start_and_wait(id)
    ended = plane.client.clusters.get(id)
    assert ended.state == State.TERMINATED
    return ended.termination_reason


def test_what_does_not_come_in_time(impatient):
    plane, clusters = impatient, impatient.client.clusters
    fields = plane.fields(num_workers=0)
    plane.dead = True
    try:
        id = clusters.create(**fields).response.cluster_id
        with pytest.raises(OperationFailed):
            clusters.wait_get_cluster_running(id)
    finally:
        plane.dead = False
    ended = clusters.get(id)
    assert (ended.state, ended.termination_reason.code.value) == (State.TERMINATED, "BOOTSTRAP_TIMEOUT")
    [late] = [one for one in plane.instances() if one == ended.termination_reason.parameters["instance_id"]]
    assert plane.instances()[late]["State"]["Name"] == "terminated" and not plane.instances("pending", "running")

    # Throttled for longer than it is tried again.
    plane.cloud.faults({"action": "RunInstances", "code": "RequestLimitExceeded", "status": 503, "times": 999})
    reason = refused(plane, id)
    assert (reason.code.value, reason.parameters["aws_api_error_code"]) == ("AWS_REQUEST_LIMIT_EXCEEDED", "RequestLimitExceeded")

    # The customer takes the role back: a server that does not have it yet cannot even ask what there is.
    plane.server.stop()
    plane.cloud.faults({"action": "AssumeRole", "code": "AccessDenied", "status": 403, "times": 999})
    plane.server.start()
    reason = refused(plane, id)
    assert (reason.code.value, reason.type.value) == ("AWS_AUTHORIZATION_FAILURE", "CLIENT_ERROR")
    assert f"external id {plane.server.account_id}" in reason.parameters["aws_error_message"]
    with pytest.raises(PermissionDenied, match="may not be assumed"):
        clusters.create(**fields)
    assert not plane.instances("pending", "running")
    plane.cloud.faults()
    clusters.permanent_delete(id)


def test_a_pool_keeps_machines_warm(plane):
    pools, clusters = plane.client.instance_pools, plane.client.clusters
    version = plane.client.clusters.select_spark_version(long_term_support=True)
    id = pools.create(
        "warm", "m5.xlarge", min_idle_instances=1, max_capacity=2, idle_instance_autotermination_minutes=0, preloaded_spark_versions=[version]
    ).instance_pool_id
    stats = lambda: (now := pools.get(id).stats) and (now.used_count, now.idle_count, now.pending_used_count, now.pending_idle_count)  # noqa: E731
    until(lambda: stats() == (0, 1, 0, 0), seconds=60, what="the idle machine")
    assert pools.get(id).preloaded_spark_versions == [version]
    [warm] = plane.instances("running")
    tags = {tag["Key"]: tag["Value"] for tag in plane.instances()[warm]["Tags"]}
    assert tags["biplane:cluster"] == id

    # The cluster takes the one that is there, and the pool gets another.
    fields = {**plane.fields(num_workers=0, instance_pool_id=id), "node_type_id": None}
    made = clusters.create_and_wait(**fields)
    assert made.driver.instance_id == warm and made.instance_pool_id == id
    until(lambda: stats() == (1, 1, 0, 0), seconds=60, what="another idle machine")
    # More than max_capacity there is not: a second worker cannot be had.
    with pytest.raises(OperationFailed):
        clusters.create_and_wait(**{**fields, "cluster_name": "large", "num_workers": 1})
    large = next(one for one in clusters.list() if one.cluster_name == "large")
    assert large.termination_reason.code.value == "INSTANCE_POOL_MAX_CAPACITY_REACHED"
    clusters.permanent_delete(large.cluster_id)

    # It is given back, and what is more than wanted ends at once; another cluster takes it from there.
    clusters.delete_and_wait(made.cluster_id)
    until(lambda: stats() == (0, 1, 0, 0) and len(plane.instances("pending", "running")) == 1, seconds=60, what="one idle machine")
    [idle] = plane.instances("running")
    assert clusters.start_and_wait(made.cluster_id).driver.instance_id == idle
    assert plane.run(made.cluster_id, Language.PYTHON, "'from the pool'") == "'from the pool'"
    clusters.permanent_delete(made.cluster_id)
    pools.delete(id)
    until(lambda: not plane.instances("pending", "running") and not plane.hosts, seconds=60, what="the end of the machines")
    assert not [pool for pool in pools.list() if pool.instance_pool_id == id]


def test_instance_profiles(plane):
    profiles, clusters = plane.client.instance_profiles, plane.client.clusters
    good, bad = (f"arn:aws:iam::{ACCOUNT}:instance-profile/biplane/{name}" for name in ("reader", "other"))
    iam_of_owner = boto3.client("iam", endpoint_url=plane.cloud.url, aws_access_key_id="AKIAOWNER", aws_secret_access_key="owner", region_name=REGION)
    iam_of_owner.create_instance_profile(InstanceProfileName="reader", Path="/biplane/")
    assert list(profiles.list()) == []
    attributes = AwsAttributes(instance_profile_arn=good)
    with pytest.raises(BadRequest, match="An admin adds them"):
        clusters.create(**plane.fields(num_workers=0, aws_attributes=attributes))
    # A start with it is rehearsed.
    plane.cloud.faults({"action": "RunInstances", "code": "UnauthorizedOperation", "status": 403, "where": {"DryRun": "true", "IamInstanceProfile.Arn": bad}})
    with pytest.raises(PermissionDenied, match="may not start a host with the instance profile"):
        profiles.add(bad)
    profiles.add(bad, skip_validation=True)
    started = len(plane.instances())
    profiles.add(good, iam_role_arn=f"arn:aws:iam::{ACCOUNT}:role/biplane/reader")
    rehearsed = plane.cloud.asked("RunInstances")[-1]
    assert (rehearsed["DryRun"], rehearsed["IamInstanceProfile.Arn"]) == ("true", good) and len(plane.instances()) == started
    with pytest.raises(ResourceAlreadyExists):
        profiles.add(good)
    for wrong in ("arn:aws:iam::210987654321:instance-profile/far", "reader"):
        with pytest.raises(BadRequest):
            profiles.add(wrong)
    profiles.edit(bad, iam_role_arn=f"arn:aws:iam::{ACCOUNT}:role/biplane/another")
    assert {one.instance_profile_arn: one.iam_role_arn.rsplit("/", 1)[1] for one in profiles.list()} == {good: "reader", bad: "another"}
    profiles.remove(bad)
    with pytest.raises(NotFound):
        profiles.remove(bad)

    made = clusters.create_and_wait(**plane.fields(num_workers=0, aws_attributes=attributes))
    assert plane.cloud.asked("RunInstances")[-1]["IamInstanceProfile.Arn"] == good
    # Removed, it stays with those who have it.
    profiles.remove(good)
    clusters.edit(made.cluster_id, **plane.fields(num_workers=0, aws_attributes=attributes, autotermination_minutes=60))
    with pytest.raises(BadRequest, match="An admin adds them"):
        clusters.create(**plane.fields(num_workers=0, aws_attributes=attributes))
    clusters.permanent_delete(made.cluster_id)
    until(lambda: not plane.hosts, what="the end of the machine")
