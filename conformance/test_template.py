"""The template for the customer's side, run: what it makes is a place where a workspace can be, and its role may do what
the server does there and nothing else."""

import ast
import json
import re
from pathlib import Path

import boto3
import pytest
from databricks.sdk.service import provisioning

from cloud import ACCOUNT, REGION
from server import ROOT, temporary_directory
from test_provisioning import Site

# Asked for by a request of another name: tags and instance profiles come with RunInstances, and AWS makes the role of
# the first spot host.
BESIDE = {"ec2:CreateTags", "iam:CreateServiceLinkedRole", "iam:PassRole"}


@pytest.fixture(scope="module")
def site():
    with temporary_directory() as directory:
        site = Site(Path(directory))
        try:
            yield site
        finally:
            site.stop()


@pytest.fixture(scope="module")
def aws(site):
    def client(service):
        return boto3.client(service, endpoint_url=site.cloud.url, aws_access_key_id="AKIAOWNER", aws_secret_access_key="owner", region_name=REGION)

    return client


@pytest.fixture(scope="module")
def made(site, aws):
    """The outputs of the stack."""
    cloudformation = aws("cloudformation")
    asked = {"BiplaneAccountId": site.server.account_id, "OperatorPrincipal": f"arn:aws:iam::{ACCOUNT}:role/operator"}
    cloudformation.create_stack(
        StackName="biplane",
        TemplateBody=(ROOT / "docs/aws/template.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in asked.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    [stack] = cloudformation.describe_stacks(StackName="biplane")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    # moto does not tell route tables which subnets a template gave them.
    resources = cloudformation.describe_stack_resources(StackName="biplane")["StackResources"]
    parts = {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in resources}
    for subnet in ("SubnetA", "SubnetB"):
        aws("ec2").associate_route_table(RouteTableId=parts[f"{subnet}Routes"], SubnetId=parts[subnet])
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def test_a_workspace_can_be_there(site, made):
    a = site.a
    role = provisioning.CreateCredentialStsRole(role_arn=made["RoleArn"])
    credentials = a.credentials.create(credentials_name="stack", aws_credentials=provisioning.CreateCredentialAwsCredentials(sts_role=role))
    bucket = provisioning.RootBucketInfo(bucket_name=made["BucketName"])
    storage = a.storage.create(storage_configuration_name="stack", root_bucket_info=bucket)
    network = a.networks.create(
        network_name="stack", vpc_id=made["VpcId"], subnet_ids=made["SubnetIds"].split(","), security_group_ids=[made["SecurityGroupId"]]
    )
    workspace = a.workspaces.create_and_wait(
        workspace_name="Stack",
        aws_region=REGION,
        credentials_id=credentials.credentials_id,
        storage_configuration_id=storage.storage_configuration_id,
        network_id=network.network_id,
    )
    assert workspace.workspace_status == provisioning.WorkspaceStatus.RUNNING
    found = a.networks.get(network.network_id)
    assert (found.vpc_status, found.error_messages or [], found.warning_messages or []) == (provisioning.VpcStatus.VALID, [], [])
    assert site.cloud.asked("AssumeRole")[-1]["RoleArn"] == made["RoleArn"]
    a.workspaces.delete(workspace.workspace_id)


def test_the_role_is_for_this_account_alone(site, aws, made):
    role = aws("iam").get_role(RoleName=made["RoleArn"].rsplit("/", 1)[1])["Role"]
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": site.server.account_id}}
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:role/operator"}


def actions_of(statement):
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def called():
    """What the server asks of EC2 as that role, by its own source."""
    sources = [path.read_text() for path in (ROOT / "crates/biplane-aws/src").rglob("*.rs")]
    calls = {call for text in sources for call in re.findall(r"\.((?:describe|run|terminate|create|delete|cancel|request)_[a-z_]+)\(\)", text)}
    return {"ec2:" + "".join(word.capitalize() for word in call.split("_")) for call in calls}


def test_hosts_reach_each_other_and_nobody_reaches_them(aws, made):
    [group] = aws("ec2").describe_security_groups(GroupIds=[made["SecurityGroupId"]])["SecurityGroups"]
    for rule in group["IpPermissions"]:
        assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [group["GroupId"]], rule
        assert not rule["IpRanges"] and not rule.get("Ipv6Ranges"), rule
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in group["IpPermissions"]] == [("tcp", 0, 65535)]


def test_the_role_may_do_what_is_done_and_no_more(aws, made):
    name = made["RoleArn"].rsplit("/", 1)[1]
    policy = aws("iam").get_role_policy(RoleName=name, PolicyName="hosts")["PolicyDocument"]
    # moto writes it as Python does.
    statements = (ast.literal_eval(policy) if isinstance(policy, str) else policy)["Statement"]
    actions = {action for one in statements for action in actions_of(one)}
    assert actions == called() | BESIDE
    # What changes something is bound to a tag, the network, or an image.
    for one in statements:
        reads = all(action.startswith("ec2:Describe") for action in actions_of(one))
        assert reads or "Condition" in one or one["Resource"].endswith("::image/*"), one
    # The same for those who write it by hand.
    written = json.loads((ROOT / "docs/aws/policy.json").read_text())["Statement"]
    assert {action for one in written for action in actions_of(one)} == actions
