"""databricks-sdk: workspaces in an AWS account of one's own, made from nothing, and hosts started there.

AWS is moto's server; the server and the provider of hosts speak to it with the real SDK of AWS."""

import base64
import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest
from databricks.sdk import AccountClient
from databricks.sdk.errors import BadRequest, NotFound, NotImplemented, OperationFailed, ResourceConflict
from databricks.sdk.service import provisioning

from cloud import KEYS, REGION, ROLE, Cloud
from server import Server, binary, temporary_directory

pytestmark = pytest.mark.database

EXTERNAL_ID = "6f1c0d7e-0000-4000-8000-000000000001"
KEY = f"arn:aws:kms:{REGION}:123456789012:key/0a1b2c3d"


class Site:
    """A server and the AWS account that its workspaces are made in."""

    def __init__(self, directory):
        # The external id is the account's, which the server makes: it starts, and then starts again with AWS.
        self.server = Server(directory, env={"BIPLANE_SAMPLES_SCALE": "0"})
        self.cloud = Cloud(directory, self.server.account_id)
        self.server.stop()
        image = self.cloud.image()["ImageId"]
        self.server.env.update(KEYS)
        self.server.options = ("--aws-region", REGION, "--aws-endpoint", self.cloud.url, "--aws-image", f"{REGION}={image}")
        self.server.start()
        self.a = AccountClient(host=self.server.url, token=self.server.token, account_id=self.server.account_id)

    def parts(self, name, network, role=ROLE):
        """Credentials, storage and a network: what a workspace is made of."""
        role = provisioning.CreateCredentialStsRole(role_arn=role)
        credentials = self.a.credentials.create(credentials_name=name, aws_credentials=provisioning.CreateCredentialAwsCredentials(sts_role=role))
        storage = self.a.storage.create(storage_configuration_name=name, root_bucket_info=provisioning.RootBucketInfo(bucket_name="root-bucket"))
        made = self.a.networks.create(network_name=name, **network)
        return {
            "credentials_id": credentials.credentials_id,
            "storage_configuration_id": storage.storage_configuration_id,
            "network_id": made.network_id,
        }

    def stop(self):
        self.server.stop()
        self.cloud.stop()


@pytest.fixture(scope="module")
def site():
    with temporary_directory() as directory:
        site = Site(Path(directory))
        try:
            yield site
        finally:
            site.stop()


def test_a_workspace_is_made_from_nothing(site):
    a, network = site.a, site.cloud.network()
    parts = site.parts("first", network)
    key = a.encryption_keys.create(
        use_cases=[provisioning.KeyUseCase.STORAGE], aws_key_info=provisioning.CreateAwsKeyInfo(key_arn=KEY, key_alias="alias/biplane")
    )
    assert key.aws_key_info.key_region == REGION and key.aws_key_info.reuse_key_for_cluster_volumes
    private = a.private_access.create(private_access_settings_name="first", region=REGION, public_access_enabled=True)
    made = a.workspaces.create(
        workspace_name="First",
        deployment_name="first",
        aws_region=REGION,
        storage_customer_managed_key_id=key.customer_managed_key_id,
        private_access_settings_id=private.private_access_settings_id,
        custom_tags={"team": "data"},
        **parts,
    )
    assert made.response.workspace_status == provisioning.WorkspaceStatus.PROVISIONING
    assert made.response.expected_workspace_status == provisioning.WorkspaceStatus.RUNNING
    workspace = made.result()
    assert (workspace.aws_region, workspace.deployment_name, workspace.custom_tags) == (REGION, "first", {"team": "data"})
    assert workspace.compute_mode == provisioning.CustomerFacingComputeMode.HYBRID
    assert workspace.storage_mode == provisioning.CustomerFacingStorageMode.CUSTOMER_HOSTED
    assert workspace.network.network_id == workspace.network_id == parts["network_id"]
    assert site.cloud.asked("AssumeRole")[-1]["RoleArn"] == ROLE
    found = a.networks.get(parts["network_id"])
    assert (found.vpc_status, found.workspace_id) == (provisioning.VpcStatus.VALID, workspace.workspace_id)
    assert (found.vpc_id, found.subnet_ids) == (network["vpc_id"], network["subnet_ids"]) and not found.error_messages
    # It has the catalog of its account, and its maker is in it.
    assert a.metastore_assignments.get(workspace.workspace_id).metastore_assignment.metastore_id
    assert [one.principal.user_name for one in a.workspace_assignment.list(workspace.workspace_id)] == ["admin@localhost"]

    assert workspace.workspace_id in [one.workspace_id for one in a.workspaces.list()]
    for list_of, delete in [
        (a.credentials, lambda: a.credentials.delete(parts["credentials_id"])),
        (a.storage, lambda: a.storage.delete(parts["storage_configuration_id"])),
        (a.networks, lambda: a.networks.delete(parts["network_id"])),
        (a.encryption_keys, lambda: a.encryption_keys.delete(key.customer_managed_key_id)),
        (a.private_access, lambda: a.private_access.delete(private.private_access_settings_id)),
    ]:
        before = len(list(list_of.list()))
        with pytest.raises(ResourceConflict):
            delete()
        assert len(list(list_of.list())) == before
    with pytest.raises(ResourceConflict):
        a.workspaces.create(workspace_name="Second", aws_region=REGION, **parts)

    a.workspaces.delete(workspace.workspace_id)
    assert a.networks.get(parts["network_id"]).vpc_status == provisioning.VpcStatus.UNATTACHED
    assert a.networks.delete(parts["network_id"]).network_name == "first"
    assert a.credentials.delete(parts["credentials_id"]).aws_credentials.sts_role.role_arn == ROLE
    assert a.storage.delete(parts["storage_configuration_id"]).root_bucket_info.bucket_name == "root-bucket"
    assert a.encryption_keys.delete(key.customer_managed_key_id).aws_key_info.key_arn == KEY
    with pytest.raises(NotFound):
        a.networks.get(parts["network_id"])


def test_a_place_that_is_broken_is_told_and_can_be_mended(site):
    a = site.a
    broken = {**site.cloud.network(way_out="igw"), "security_group_ids": ["sg-0123456789abcdef0"]}
    parts = site.parts("broken", broken)
    with pytest.raises(OperationFailed) as failed:
        a.workspaces.create_and_wait(workspace_name="Broken", aws_region=REGION, **parts)
    assert "internet gateway" in str(failed.value) and "sg-0123456789abcdef0" in str(failed.value)
    workspace = next(one for one in a.workspaces.list() if one.workspace_name == "Broken")
    assert "update the workspace to try it again" in workspace.workspace_status_message
    found = a.networks.get(parts["network_id"])
    assert found.vpc_status == provisioning.VpcStatus.BROKEN
    assert {one.error_type for one in found.error_messages} == {provisioning.ErrorType.SUBNET, provisioning.ErrorType.SECURITY_GROUP}

    mended = a.networks.create(network_name="mended", **site.cloud.network()).network_id
    change = provisioning.Workspace(network_id=mended)
    updated = a.workspaces.update_and_wait(workspace.workspace_id, change, update_mask="network_id")
    assert updated.network_id == mended
    assert a.networks.get(mended).vpc_status == provisioning.VpcStatus.VALID
    a.networks.delete(parts["network_id"])
    a.workspaces.delete(workspace.workspace_id)


def test_a_role_that_may_not_be_assumed_fails_the_workspace(site):
    a = site.a
    parts = site.parts("stranger", site.cloud.network())
    site.cloud.faults({"action": "AssumeRole", "code": "AccessDenied", "status": 403, "where": {"RoleArn": ".*stranger"}})
    role = provisioning.CreateCredentialStsRole(role_arn=f"{ROLE}-stranger")
    credentials = a.credentials.create(credentials_name="other", aws_credentials=provisioning.CreateCredentialAwsCredentials(sts_role=role))
    with pytest.raises(OperationFailed) as failed:
        a.workspaces.create_and_wait(workspace_name="Stranger", aws_region=REGION, **{**parts, "credentials_id": credentials.credentials_id})
    assert f"may not be assumed with the external id {site.server.account_id}" in str(failed.value)
    found = a.networks.get(parts["network_id"])
    assert [one.error_type for one in found.error_messages] == [provisioning.ErrorType.CREDENTIALS]
    workspace = next(one for one in a.workspaces.list() if one.workspace_name == "Stranger")
    a.workspaces.delete(workspace.workspace_id)


def test_a_cloud_that_asks_to_wait_is_asked_again(site):
    a = site.a
    parts = site.parts("slow", site.cloud.network())
    site.cloud.faults({"action": "DescribeVpcs", "code": "RequestLimitExceeded", "status": 503, "times": 2})
    made = a.workspaces.create_and_wait(workspace_name="Slow", aws_region=REGION, **parts)
    assert made.workspace_status == provisioning.WorkspaceStatus.RUNNING
    a.workspaces.delete(made.workspace_id)


def test_what_cannot_be_made_is_refused(site):
    a = site.a
    parts = site.parts("refused", site.cloud.network())
    with pytest.raises(BadRequest, match="not served here"):
        a.workspaces.create(workspace_name="Far", aws_region="ap-south-1", **parts)
    with pytest.raises(NotImplemented, match="network_id"):
        a.workspaces.create(workspace_name="Managed", aws_region=REGION, **{**parts, "network_id": None})
    with pytest.raises(NotImplemented, match="another cloud"):
        a.workspaces.create(workspace_name="Blue", cloud="azure", **parts)
    with pytest.raises(NotFound):
        a.workspaces.create(workspace_name="Unknown", aws_region=REGION, **{**parts, "credentials_id": "unknown"})
    assert "Far" not in [one.workspace_name for one in a.workspaces.list()]


def test_without_a_cloud_the_place_is_taken_as_it_is_given(a):
    role = provisioning.CreateCredentialStsRole(role_arn=ROLE)
    credentials = a.credentials.create(credentials_name="here", aws_credentials=provisioning.CreateCredentialAwsCredentials(sts_role=role))
    storage = a.storage.create(storage_configuration_name="here", root_bucket_info=provisioning.RootBucketInfo(bucket_name="root-bucket"))
    network = a.networks.create(network_name="here", vpc_id="vpc-0a", subnet_ids=["subnet-0a", "subnet-0b"], security_group_ids=["sg-0a"])
    made = a.workspaces.create_and_wait(
        workspace_name="Here",
        aws_region=REGION,
        credentials_id=credentials.credentials_id,
        storage_configuration_id=storage.storage_configuration_id,
        network_id=network.network_id,
    )
    assert a.networks.get(network.network_id).vpc_status == provisioning.VpcStatus.VALID
    a.workspaces.delete(made.workspace_id)
    a.networks.delete(network.network_id)
    a.storage.delete(storage.storage_configuration_id)
    a.credentials.delete(credentials.credentials_id)


class Provider:
    """The provider of hosts, as a program: what it is asked and what it answers is JSON."""

    def __init__(self, cloud):
        self.cloud, self.image = cloud, cloud.image()
        self.program = Path(binary()).parent / "examples" / "host"
        self.place = {"account_id": EXTERNAL_ID, "workspace_id": 42, "region": REGION, "role_arn": ROLE, "external_id": EXTERNAL_ID}
        self.place |= {"network": cloud.network(), "storage_key_arn": KEY}

    def __call__(self, what, place=None, images=None, **more):
        asked = {"what": what, "endpoint": self.cloud.url, "place": {**self.place, **(place or {})}, **more}
        asked["images"] = {REGION: self.image["ImageId"]} if images is None else images
        env = {**os.environ, **KEYS}
        done = subprocess.run([self.program], input=json.dumps(asked), env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def create(self, times=1, place=None, images=None, **order):
        order = {
            "node_id": str(uuid.uuid4()),
            "cluster_id": "1123-000000-abcdefgh",
            "node_type_id": "m5.xlarge",
            "zone_id": "auto",
            "relay": "relay.example.com:8443",
            "join_token": "once-and-secret",
            "program_url": "https://biplane.example.com/biplane",
            "program_sha256": "0" * 64,
            **order,
        }
        return self("create", place=place, images=images, order=order, times=times)


@pytest.fixture(scope="module")
def cloud():
    with temporary_directory() as directory:
        cloud = Cloud(Path(directory), EXTERNAL_ID)
        try:
            yield cloud
        finally:
            cloud.stop()


@pytest.fixture
def provider(cloud):
    cloud.faults()
    return Provider(cloud)


def instance(cloud, id):
    return cloud.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]


def test_a_host_is_started_as_it_must_be(cloud, provider):
    node = str(uuid.uuid4())
    [made] = provider.create(node_id=node, disk_gib=200, tags={"team": "data", "Name": "mine"})
    assert (made["cluster_id"], made["workspace_id"], made["node_id"]) == ("1123-000000-abcdefgh", 42, node)
    # The larger subnet is in zone b.
    assert (made["state"], made["spot"], made["zone"]) == ("Pending", False, f"{REGION}b")
    assert made["private_ip"].startswith("10.1.") and made["started_at"] > 0

    assumed = cloud.asked("AssumeRole")[-1]
    assert (assumed["RoleArn"], assumed["ExternalId"], assumed["RoleSessionName"]) == (ROLE, EXTERNAL_ID, "biplane-42")
    network = provider.place["network"]
    found = instance(cloud, made["id"])
    assert (found["InstanceType"], found["ImageId"]) == ("m5.xlarge", provider.image["ImageId"])
    assert (found["VpcId"], found["SubnetId"]) == (network["vpc_id"], network["subnet_ids"][1])
    assert "PublicIpAddress" not in found
    options = found["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["HttpEndpoint"]) == ("required", 1, "enabled")
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert tags == {
        "Name": "mine",
        "team": "data",
        "biplane:account": EXTERNAL_ID,
        "biplane:workspace": "42",
        "biplane:cluster": "1123-000000-abcdefgh",
        "biplane:node": node,
    }

    asked = cloud.asked("RunInstances")[-1]
    assert (asked["MinCount"], asked["MaxCount"], asked["InstanceInitiatedShutdownBehavior"]) == ("1", "1", "terminate")
    assert asked["ClientToken"].startswith(node) and len(asked["ClientToken"]) <= 64
    interface = {name.removeprefix("NetworkInterface.1."): value for name, value in asked.items() if name.startswith("NetworkInterface.1.")}
    assert interface == {
        "DeviceIndex": "0",
        "SubnetId": network["subnet_ids"][1],
        "SecurityGroupId.1": network["security_group_ids"][0],
        "AssociatePublicIpAddress": "false",
        "DeleteOnTermination": "true",
    }
    disk = {name.removeprefix("BlockDeviceMapping.1."): value for name, value in asked.items() if name.startswith("BlockDeviceMapping.1.")}
    assert disk == {
        "DeviceName": provider.image["RootDeviceName"],
        "Ebs.VolumeSize": "200",
        "Ebs.VolumeType": "gp3",
        "Ebs.Encrypted": "true",
        "Ebs.KmsKeyId": KEY,
        "Ebs.DeleteOnTermination": "true",
    }
    tagged = {value for name, value in asked.items() if name.endswith(".ResourceType")}
    assert tagged == {"instance", "volume", "network-interface"}
    assert not [name for name in asked if name.startswith("InstanceMarketOptions")]

    script = cloud.ec2.describe_instance_attribute(InstanceId=made["id"], Attribute="userData")["UserData"]["Value"]
    script = base64.b64decode(script).decode()
    for text in ("'once-and-secret'", "--relay 'relay.example.com:8443'", "'https://biplane.example.com/biplane'", "0" * 64, "sha256sum --check"):
        assert text in script, text


def test_the_same_order_twice_makes_one_host(cloud, provider):
    node = str(uuid.uuid4())
    one, two = provider.create(times=2, node_id=node)
    assert one["id"] == two["id"]
    assert provider.create(node_id=node)[0]["id"] == one["id"]


def test_zones_and_node_types(provider):
    assert provider("zones") == [[f"{REGION}a", f"{REGION}b"], f"{REGION}b"]
    [made] = provider.create(zone_id=f"{REGION}a")
    assert made["zone"] == f"{REGION}a"
    refused = provider.create(zone_id=f"{REGION}c")["error"]
    assert refused["kind"] == "Invalid" and "no subnet in zone" in refused["message"]
    types = {one["id"]: one for one in provider("node_types")}
    assert types["m5.xlarge"] == {"id": "m5.xlarge", "category": "General Purpose", "cores": 4.0, "memory_mib": 16384, "gpus": 0, "disks": 0, "arm": False}
    assert types["m6g.xlarge"]["arm"] and types["g4dn.xlarge"]["gpus"] == 1 and types["i3.xlarge"]["disks"] == 1
    assert not [id for id in types if id.startswith("t3.") or id.endswith(".metal")]
    refused = provider.create(node_type_id="t2.nano")["error"]
    assert refused["kind"] == "Invalid" and "t2.nano" in refused["message"]


def test_hosts_are_found_and_ended(cloud, provider):
    place = {"workspace_id": 43}
    one, two = (provider.create(place=place)[0]["id"] for _ in range(2))
    # Another workspace's, and somebody else's.
    other = provider.create(place={"workspace_id": 44})[0]["id"]
    assert {host["id"] for host in provider("hosts", place=place)} == {one, two}
    unknown = "i-0123456789abcdef0"
    described = provider("describe", place=place, host_ids=[one, unknown, other])
    assert [(host["id"], host["state"]) for host in described] == [(one, "Running")]
    assert provider("terminate", place=place, host_ids=[one, unknown]) is None
    assert [host["id"] for host in provider("hosts", place=place)] == [two]
    assert instance(cloud, one)["State"]["Name"] == "terminated"
    [ended] = provider("describe", place=place, host_ids=[one])
    assert ended["state"] == "Ended" and ended["reason"]
    assert provider("terminate", place=place, host_ids=[one]) is None


def test_spot_falls_back_to_on_demand(cloud, provider):
    [made] = provider.create(availability="SPOT")
    asked = cloud.asked("RunInstances")[-1]
    market = {name.removeprefix("InstanceMarketOptions."): value for name, value in asked.items() if name.startswith("InstanceMarketOptions.")}
    assert market == {"MarketType": "spot", "SpotOptions.SpotInstanceType": "one-time", "SpotOptions.InstanceInterruptionBehavior": "terminate"}
    assert made["spot"]
    scarce = {"action": "RunInstances", "code": "InsufficientInstanceCapacity", "where": {"InstanceMarketOptions.MarketType": "spot"}, "times": 2}
    cloud.faults(scarce)
    refused = provider.create(availability="SPOT")["error"]
    assert (refused["kind"], refused["code"]) == ("Capacity", "InsufficientInstanceCapacity")
    before = len(cloud.asked("RunInstances"))
    cloud.faults(scarce)
    [made] = provider.create(availability="SPOT_WITH_FALLBACK")
    assert not made["spot"]
    # Spot in both subnets, then on demand, each with a token of its own.
    tries = cloud.asked("RunInstances")[before:]
    assert len({one["ClientToken"] for one in tries}) == len(tries) == 3


def test_another_zone_has_what_one_lacks(cloud, provider):
    first = provider.place["network"]["subnet_ids"][1]
    cloud.faults({"action": "RunInstances", "code": "InsufficientInstanceCapacity", "where": {"NetworkInterface.1.SubnetId": first}})
    assert provider.create()[0]["zone"] == f"{REGION}a"
    cloud.faults({"action": "RunInstances", "code": "InsufficientFreeAddressesInSubnet", "times": 2})
    refused = provider.create()["error"]
    assert refused["kind"] == "NoFreeAddresses" and "larger subnets" in refused["message"]


@pytest.mark.parametrize(
    "code, status, kind, words",
    [
        ("VcpuLimitExceeded", 400, "Quota", "Ask AWS for a higher one"),
        ("UnauthorizedOperation", 403, "Unauthorized", "docs/aws/policy.json"),
        ("RequestLimitExceeded", 503, "Throttled", "slow down"),
        ("InternalError", 500, "Unavailable", "failed to start a host"),
        ("InvalidParameterValue", 400, "Invalid", "refuses to start a host"),
    ],
)
def test_refusals_are_told_as_what_they_are(cloud, provider, code, status, kind, words):
    cloud.faults({"action": "RunInstances", "code": code, "status": status, "times": 9})
    refused = provider.create()["error"]
    assert (refused["kind"], refused["code"]) == (kind, code)
    assert words in refused["message"]


def test_a_role_that_may_not_be_assumed(provider):
    refused = provider("hosts", place={"external_id": "another"})["error"]
    assert refused["kind"] == "Unauthorized" and "trust policy" in refused["message"]


def test_the_image_is_the_operators_or_the_newest_amazon_linux(cloud, provider):
    [made] = provider.create(images={})
    [image] = cloud.ec2.describe_images(ImageIds=[instance(cloud, made["id"])["ImageId"]])["Images"]
    assert image["Name"].startswith("al2023-ami-2023.") and "minimal" not in image["Name"]
    refused = provider.create(images={REGION: "ami-0123456789abcdef0"})["error"]
    assert (refused["kind"], refused["code"]) == ("Invalid", "InvalidAMIID.NotFound")


def test_what_is_wrong_with_a_network_is_found(cloud, provider):
    check = lambda **network: provider("check", place={"network": {**provider.place["network"], **network}})  # noqa: E731
    assert provider("check") == []
    other = cloud.network(way_out=None)
    found = {what: broken for what, _, broken in check(vpc_id="vpc-0123456789abcdef0")}
    assert found["vpc"] and found["subnet"] and found["securityGroup"]
    lonely = provider("check", place={"network": other})
    assert len(lonely) == 2
    assert all(what == "subnet" and "no route to the internet" in message and not broken for what, message, broken in lonely)
    assert ["securityGroup", f"{other['security_group_ids'][0]} is not in {provider.place['network']['vpc_id']}.", True] in check(security_group_ids=other["security_group_ids"])
    cloud.ec2.revoke_security_group_egress(
        GroupId=other["security_group_ids"][0], IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    assert [broken for what, _, broken in provider("check", place={"network": other}) if what == "securityGroup"] == [True]
    cloud.ec2.modify_vpc_attribute(VpcId=other["vpc_id"], EnableDnsSupport={"Value": False})
    assert ["vpc"] == [what for what, _, broken in provider("check", place={"network": other}) if broken and what == "vpc"]
    cloud.faults({"action": "DescribeVpcs", "code": "UnauthorizedOperation", "status": 403})
    [refused] = provider("check")
    assert refused[0] == "credentials" and refused[2]
