"""What is asked of AWS for a cluster, and who may ask for it: bids for spot capacity, instance profiles. Nothing boots."""

from pathlib import Path

import boto3
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, NotImplemented, PermissionDenied
from databricks.sdk.service import iam
from databricks.sdk.service.compute import AwsAttributes, AwsAvailability, InstancePoolAwsAttributes, InstancePoolAwsAttributesAvailability

from cloud import ACCOUNT, REGION
from server import temporary_directory, until
from test_provisioning import Site

pytestmark = pytest.mark.database


class Orders(Site):
    def __init__(self, directory):
        super().__init__(directory)
        self.server.stop()
        self.server.options += ("--aws-price", f"{REGION}/m5.large=0.115")
        self.server.start()
        made = self.a.workspaces.create_and_wait(workspace_name="orders", deployment_name="orders", aws_region=REGION, **self.parts("orders", self.cloud.network()))
        self.workspace_id = made.workspace_id
        self.admin, _ = self.robot("admin", iam.WorkspacePermission.ADMIN)

    def robot(self, name, permission):
        """Somebody in the workspace, and its id."""
        principal = self.a.service_principals.create(display_name=name, active=True)
        self.a.workspace_assignment.update(self.workspace_id, int(principal.id), permissions=[permission])
        secret = self.a.service_principal_secrets.create(service_principal_id=principal.id)
        answer = requests.post(
            f"{self.server.url}/oidc/accounts/{self.server.account_id}/v1/token",
            data={"grant_type": "client_credentials", "scope": "all-apis"},
            auth=(principal.application_id, secret.secret),
        )
        answer.raise_for_status()
        return WorkspaceClient(host=self.server.url, token=answer.json()["access_token"], workspace_id=str(self.workspace_id)), principal.id

    def ordered(self, client, node_type="m5.large", **attributes):
        """What EC2 is asked for."""
        version = client.clusters.select_spark_version()
        before = len(self.cloud.asked("RunInstances"))
        id = client.clusters.create(cluster_name="order", spark_version=version, node_type_id=node_type, num_workers=0, aws_attributes=AwsAttributes(**attributes)).cluster_id
        asked = until(lambda: self.cloud.asked("RunInstances")[before:], what="an order")[0]
        client.clusters.permanent_delete(id)

        def gone():
            try:
                return client.clusters.get(id) and False
            except NotFound:
                return True

        until(gone, what="its end")
        return asked


@pytest.fixture(scope="module")
def orders():
    with temporary_directory() as directory:
        orders = Orders(Path(directory))
        try:
            yield orders
        finally:
            orders.stop()


def test_a_bid_is_a_part_of_the_price_on_demand(orders):
    price = "InstanceMarketOptions.SpotOptions.MaxPrice"
    spot = AwsAvailability.SPOT
    assert float(orders.ordered(orders.admin, availability=spot, spot_bid_price_percent=60)[price]) == pytest.approx(0.069)
    assert float(orders.ordered(orders.admin, availability=AwsAvailability.SPOT_WITH_FALLBACK, spot_bid_price_percent=200)[price]) == pytest.approx(0.23)
    # As much as on demand is what EC2 takes for granted, and on demand there is no bid.
    for attributes in ({"availability": spot, "spot_bid_price_percent": 100}, {"availability": spot}):
        asked = orders.ordered(orders.admin, **attributes)
        assert asked["InstanceMarketOptions.MarketType"] == "spot" and price not in asked
    asked = orders.ordered(orders.admin, availability=AwsAvailability.ON_DEMAND, spot_bid_price_percent=60)
    assert "InstanceMarketOptions.MarketType" not in asked
    # What has no price that is known is told as such.
    with pytest.raises(NotImplemented, match="m5.xlarge, whose price on demand .* --aws-price"):
        orders.ordered(orders.admin, "m5.xlarge", availability=spot, spot_bid_price_percent=60)
    with pytest.raises(NotImplemented, match="--aws-price"):
        attributes = InstancePoolAwsAttributes(availability=InstancePoolAwsAttributesAvailability.SPOT, spot_bid_price_percent=60)
        orders.admin.instance_pools.create(instance_pool_name="p", node_type_id="m5.xlarge", aws_attributes=attributes)


def test_instance_profiles_are_for_those_who_were_given_them(orders):
    reader, meta = (f"arn:aws:iam::{ACCOUNT}:instance-profile/biplane/{name}" for name in ("reader", "meta"))
    iam_of_owner = boto3.client("iam", endpoint_url=orders.cloud.url, aws_access_key_id="AKIAOWNER", aws_secret_access_key="owner", region_name=REGION)
    for name in ("reader", "meta"):
        iam_of_owner.create_instance_profile(InstanceProfileName=name, Path="/biplane/")
    admin = orders.admin
    admin.instance_profiles.add(reader)
    admin.instance_profiles.add(meta, is_meta_instance_profile=True)
    assert {one.instance_profile_arn: one.is_meta_instance_profile for one in admin.instance_profiles.list()} == {reader: False, meta: True}
    assert orders.ordered(admin, instance_profile_arn=reader)["IamInstanceProfile.Arn"] == reader

    user, id = orders.robot("user", iam.WorkspacePermission.USER)

    def patch(op, path, value=None):
        schemas = [iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
        admin.service_principals.patch(id, operations=[iam.Patch(op=op, path=path, value=value)], schemas=schemas)

    def refused():
        with pytest.raises(PermissionDenied, match="An admin gives it to users and groups as a role"):
            orders.ordered(user, instance_profile_arn=reader)
        return list(user.instance_profiles.list()) == []

    patch(iam.PatchOp.ADD, "entitlements", [{"value": "allow-cluster-create"}])
    assert refused()
    # In person.
    patch(iam.PatchOp.ADD, "roles", [{"value": reader}])
    seen = admin.service_principals.get(id)
    assert [role.value for role in seen.roles] == [reader] and "allow-cluster-create" in [one.value for one in seen.entitlements]
    assert [one.instance_profile_arn for one in user.instance_profiles.list()] == [reader]
    assert orders.ordered(user, instance_profile_arn=reader)["IamInstanceProfile.Arn"] == reader
    with pytest.raises(PermissionDenied, match="may not use the instance profile"):
        orders.ordered(user, instance_profile_arn=meta)
    patch(iam.PatchOp.REMOVE, f'roles[value eq "{reader}"]')
    assert not admin.service_principals.get(id).roles and refused()
    # Through a group.
    group = admin.groups.create(display_name="readers", members=[iam.ComplexValue(value=id)], roles=[iam.ComplexValue(value=reader)])
    assert [role.value for role in admin.groups.get(group.id).roles] == [reader]
    assert orders.ordered(user, instance_profile_arn=reader)["IamInstanceProfile.Arn"] == reader
    admin.groups.delete(group.id)
    assert refused()
    # Of the account there are none.
    with pytest.raises(Exception, match="through the workspace"):
        orders.a.groups.create(display_name="far", roles=[iam.ComplexValue(value=reader)])
