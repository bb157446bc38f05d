"""databricks-sdk: network policies, connectivity, IP access lists and private access, and that they hold."""

import pytest
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, InvalidState, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service import provisioning, settings

from proxy import proxy
from server import Server, temporary_directory

pytestmark = pytest.mark.database

Access = settings.EgressNetworkPolicyNetworkAccessPolicy
Mode = settings.EgressNetworkPolicyNetworkAccessPolicyRestrictionMode
Internet = settings.EgressNetworkPolicyNetworkAccessPolicyInternetDestination
InternetType = settings.EgressNetworkPolicyNetworkAccessPolicyInternetDestinationInternetDestinationType
Storage = settings.EgressNetworkPolicyNetworkAccessPolicyStorageDestination
StorageType = settings.EgressNetworkPolicyNetworkAccessPolicyStorageDestinationStorageDestinationType
Enforcement = settings.EgressNetworkPolicyNetworkAccessPolicyPolicyEnforcement
EnforcementMode = settings.EgressNetworkPolicyNetworkAccessPolicyPolicyEnforcementEnforcementMode
Product = settings.EgressNetworkPolicyNetworkAccessPolicyPolicyEnforcementDryRunModeProductFilter


def policy(id, mode=Mode.RESTRICTED_ACCESS, **access):
    return settings.AccountNetworkPolicy(
        network_policy_id=id, egress=settings.NetworkPolicyEgress(network_access=Access(restriction_mode=mode, **access))
    )


def test_network_policies(a, server):
    listed = list(a.network_policies.list_network_policies_rpc())
    assert [one.network_policy_id for one in listed][0] == "default-policy"
    assert listed[0].egress.network_access.restriction_mode == Mode.FULL_ACCESS
    made = a.network_policies.create_network_policy_rpc(
        policy(
            "strict",
            allowed_internet_destinations=[Internet(destination="pypi.org", internet_destination_type=InternetType.DNS_NAME)],
            allowed_storage_destinations=[Storage(bucket_name="data", region="us-east-1", storage_destination_type=StorageType.AWS_S3)],
            policy_enforcement=Enforcement(enforcement_mode=EnforcementMode.DRY_RUN, dry_run_mode_product_filter=[Product.DBSQL]),
        )
    )
    assert made.account_id == server.account_id
    found = a.network_policies.get_network_policy_rpc("strict").egress.network_access
    assert found.allowed_internet_destinations[0].destination == "pypi.org"
    assert found.policy_enforcement.dry_run_mode_product_filter == [Product.DBSQL]
    changed = a.network_policies.update_network_policy_rpc("strict", policy("strict"))
    assert not changed.egress.network_access.allowed_internet_destinations

    workspace = int(server.workspace_id)
    network = a.workspace_network_configuration
    assert network.get_workspace_network_option_rpc(workspace).network_policy_id == "default-policy"
    chosen = settings.WorkspaceNetworkOption(network_policy_id="strict", workspace_id=workspace)
    assert network.update_workspace_network_option_rpc(workspace, chosen).network_policy_id == "strict"
    with pytest.raises(ResourceConflict):
        a.network_policies.delete_network_policy_rpc("strict")
    network.update_workspace_network_option_rpc(workspace, settings.WorkspaceNetworkOption(network_policy_id="default-policy"))
    a.network_policies.delete_network_policy_rpc("strict")
    with pytest.raises(NotFound):
        a.network_policies.get_network_policy_rpc("strict")
    with pytest.raises(InvalidParameterValue):
        a.network_policies.delete_network_policy_rpc("default-policy")
    with pytest.raises(InvalidParameterValue):
        a.network_policies.create_network_policy_rpc(policy("wrong", allowed_internet_destinations=[Internet(destination="10.0.0.1")]))


def test_network_connectivity(own):
    a = AccountClient(host=own.url, token=own.token, account_id=own.account_id)
    ncc = a.network_connectivity
    made = ncc.create_network_connectivity_configuration(settings.CreateNetworkConnectivityConfiguration(name="first", region="us-east-1"))
    assert made.egress_config.default_rules.aws_stable_ip_rule.cidr_blocks == ["203.0.113.0/29"]
    id = made.network_connectivity_config_id
    assert [one.name for one in ncc.list_network_connectivity_configurations()] == ["first"]
    rule = ncc.create_private_endpoint_rule(
        id, settings.CreatePrivateEndpointRule(endpoint_service="com.amazonaws.vpce.us-east-1.vpce-svc-0", domain_names=["db.example.com"])
    )
    assert rule.connection_state == settings.NccPrivateEndpointRulePrivateLinkConnectionState.ESTABLISHED
    # What cannot be made here is not said to work.
    unknown = ncc.create_private_endpoint_rule(
        id, settings.CreatePrivateEndpointRule(endpoint_service="com.amazonaws.vpce.us-east-1.vpce-svc-9", domain_names=["no.example.com"])
    )
    assert unknown.connection_state == settings.NccPrivateEndpointRulePrivateLinkConnectionState.CREATE_FAILED
    assert "has not said where" in unknown.error_message
    ncc.delete_private_endpoint_rule(id, unknown.rule_id)
    changed = ncc.update_private_endpoint_rule(id, rule.rule_id, settings.UpdatePrivateEndpointRule(domain_names=["x.example.com"]), "domain_names")
    assert changed.domain_names == ["x.example.com"]
    assert [one.rule_id for one in ncc.list_private_endpoint_rules(id)] == [rule.rule_id]
    assert ncc.get_private_endpoint_rule(id, rule.rule_id).domain_names == ["x.example.com"]
    workspace = int(own.workspace_id)
    fields = provisioning.Workspace(network_connectivity_config_id=id)
    a.workspaces.update(workspace, customer_facing_workspace=fields, update_mask="network_connectivity_config_id").result()
    assert a.workspaces.get(workspace).network_connectivity_config_id == id
    with pytest.raises(ResourceConflict):
        ncc.delete_network_connectivity_configuration(id)
    assert ncc.delete_private_endpoint_rule(id, rule.rule_id).rule_id == rule.rule_id
    off = provisioning.Workspace(network_connectivity_config_id="")
    a.workspaces.update(workspace, customer_facing_workspace=off, update_mask="network_connectivity_config_id").result()
    ncc.delete_network_connectivity_configuration(id)
    assert not list(ncc.list_network_connectivity_configurations())


@pytest.fixture(scope="module")
def own():
    """A server behind proxies of ours, with one private endpoint and addresses of its own."""
    env = {
        "BIPLANE_SAMPLES_SCALE": "0",
        "BIPLANE_TRUSTED_PROXIES": "127.0.0.0/8",
        "BIPLANE_EGRESS_ADDRESSES": "203.0.113.0/29",
        "BIPLANE_PRIVATE_ENDPOINTS": "vpce-0abc=10.1.0.0/16",
        "BIPLANE_ENDPOINT_SERVICES": "com.amazonaws.vpce.us-east-1.vpce-svc-0=10.9.0.1:5432",
    }
    with temporary_directory() as directory:
        server = Server(directory, env=env)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def reached_from(own):
    """A client of the workspace, or of the account, that is at some address."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def client(address, account=False):
            url = stack.enter_context(proxy(own, address))
            if account:
                return AccountClient(host=url, token=own.token, account_id=own.account_id)
            return WorkspaceClient(host=url, token=own.token)

        yield client


def test_ip_access_lists_of_a_workspace(own, reached_from):
    home, elsewhere = reached_from("198.51.100.10"), reached_from("192.0.2.1")
    lists, conf = home.ip_access_lists, home.workspace_conf
    for kind, net in ((settings.ListType.BLOCK, "198.51.100.0/24"), (settings.ListType.ALLOW, "192.0.2.0/24")):
        with pytest.raises(InvalidState):
            lists.create("lockout", kind, ip_addresses=[net])
    with pytest.raises(BadRequest, match="at most 1000"):
        lists.create("many", settings.ListType.BLOCK, ip_addresses=[f"10.0.{n // 250}.{n % 250}" for n in range(1001)])
    made = lists.create("home", settings.ListType.ALLOW, ip_addresses=["198.51.100.0/24"]).ip_access_list
    assert made.address_count == 1 and made.enabled
    assert elsewhere.current_user.me()
    conf.set_status({"enableIpAccessLists": "true"})
    assert conf.get_status("enableIpAccessLists") == {"enableIpAccessLists": "true"}
    try:
        assert home.current_user.me()
        with pytest.raises(PermissionDenied, match="192.0.2.1"):
            elsewhere.current_user.me()
        with pytest.raises(PermissionDenied):
            elsewhere.warehouses.get(own.warehouse_id)
        with proxy(own, "192.0.2.1") as url, pytest.raises(Exception, match="192.0.2.1"):
            own.connect(_connection_uri=f"{url}{own.http_path}", _retry_stop_after_attempts_count=1)
        with proxy(own, "198.51.100.7") as url, own.connect(_connection_uri=f"{url}{own.http_path}") as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                assert cursor.fetchall()[0][0] == 1
        with pytest.raises(InvalidState):
            lists.update(made.list_id, ip_addresses=["192.0.2.0/24"])
        lists.replace(made.list_id, "both", settings.ListType.ALLOW, True, ip_addresses=["198.51.100.0/24", "192.0.2.1"])
        assert elsewhere.current_user.me()
        assert [found.label for found in lists.list()] == ["both"]
    finally:
        conf.set_status({"enableIpAccessLists": "false"})
        lists.delete(made.list_id)
    with pytest.raises(NotFound):
        lists.get(made.list_id)


def test_ip_access_lists_of_the_account(reached_from):
    home, elsewhere = reached_from("198.51.100.10", account=True), reached_from("192.0.2.1", account=True)
    made = home.ip_access_lists.create("home", settings.ListType.ALLOW, ip_addresses=["198.51.100.0/24"]).ip_access_list
    assert home.workspaces.list()
    with pytest.raises(PermissionDenied):
        list(elsewhere.workspaces.list())
    switch = home.settings.enable_ip_access_lists
    now = switch.get()
    assert now.acct_ip_acl_enable.value
    off = settings.AccountIpAccessEnable(acct_ip_acl_enable=settings.BooleanMessage(value=False), etag=now.etag)
    switch.update(True, off, "acct_ip_acl_enable.value")
    assert list(elsewhere.workspaces.list())
    with pytest.raises(ResourceConflict):
        switch.update(True, off, "acct_ip_acl_enable.value")
    switch.delete()
    home.ip_access_lists.delete(made.list_id)
    assert list(elsewhere.workspaces.list())


def test_private_access(own, reached_from):
    a = AccountClient(host=own.url, token=own.token, account_id=own.account_id)
    workspace = int(own.workspace_id)
    endpoint = a.vpc_endpoints.create(vpc_endpoint_name="front", aws_vpc_endpoint_id="vpce-0abc", region="us-east-1")
    assert endpoint.state == "available"
    made = a.private_access.create(
        private_access_settings_name="closed",
        region="us-east-1",
        public_access_enabled=False,
        private_access_level=provisioning.PrivateAccessLevel.ENDPOINT,
        allowed_vpc_endpoint_ids=[endpoint.vpc_endpoint_id],
    )
    id = made.private_access_settings_id
    fields = provisioning.Workspace(private_access_settings_id=id)
    a.workspaces.update(workspace, customer_facing_workspace=fields, update_mask="private_access_settings_id").result()
    try:
        assert reached_from("10.1.7.7").current_user.me()
        with pytest.raises(PermissionDenied):
            reached_from("192.0.2.1").current_user.me()
        open = provisioning.PrivateAccessSettings(
            private_access_settings_name="open", region="us-east-1", public_access_enabled=True
        )
        a.private_access.replace(id, open)
        assert reached_from("192.0.2.1").current_user.me()
        assert [one.private_access_settings_name for one in a.private_access.list()] == ["open"]
        with pytest.raises(ResourceConflict):
            a.private_access.delete(id)
    finally:
        off = provisioning.Workspace(private_access_settings_id="")
        a.workspaces.update(workspace, customer_facing_workspace=off, update_mask="private_access_settings_id").result()
    assert a.private_access.delete(id).private_access_settings_name == "open"
    a.vpc_endpoints.delete(endpoint.vpc_endpoint_id)
    assert not a.vpc_endpoints.list()


def test_others_may_not_configure_the_network(robot, server):
    a = AccountClient(host=server.url, token=robot.token, account_id=server.account_id)
    for call in (
        lambda: list(a.network_policies.list_network_policies_rpc()),
        lambda: list(a.network_connectivity.list_network_connectivity_configurations()),
        lambda: list(a.ip_access_lists.list()),
        lambda: list(robot.client.ip_access_lists.list()),
        lambda: robot.client.workspace_conf.set_status({"enableIpAccessLists": "true"}),
    ):
        with pytest.raises(PermissionDenied):
            call()
