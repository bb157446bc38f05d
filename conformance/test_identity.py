"""databricks-sdk: who am I, SCIM at both levels, tokens, OAuth, permissions on objects."""

import pytest
import requests
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.service import iam, provisioning

from server import Server, temporary_directory
from test_crash import children, named

pytestmark = pytest.mark.database


def test_the_profile_the_server_wrote_works_as_it_is(server, monkeypatch):
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(server.config_file))
    assert oct(server.config_file.stat().st_mode & 0o777) == "0o600"
    me = WorkspaceClient().current_user.me()
    assert me.active and me.user_name == "admin@localhost"
    assert AccountClient(profile="ACCOUNT").workspaces.list()


def test_whoami_names_the_workspace(w, server):
    assert w.current_user.me().user_name == "admin@localhost"
    assert w.get_workspace_id() == int(server.workspace_id)


def test_a_wrong_token_is_unauthenticated(server):
    for token in ("dapi" + "0" * 32, "nonsense", "a.b.c"):
        with pytest.raises(Unauthenticated):
            WorkspaceClient(host=server.url, token=token).current_user.me()


def test_users(w):
    user = w.users.create(user_name="ada@example.com", display_name="Ada", active=True)
    assert w.users.get(user.id).display_name == "Ada"
    w.users.patch(
        user.id,
        operations=[iam.Patch(op=iam.PatchOp.REPLACE, path="displayName", value="Ada L.")],
        schemas=[iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    assert [found.display_name for found in w.users.list(filter='userName eq "ada@example.com"')] == ["Ada L."]
    assert {found.user_name for found in w.users.list()} >= {"admin@localhost", "ada@example.com"}
    w.users.delete(user.id)
    with pytest.raises(NotFound):
        w.users.get(user.id)


def test_groups_and_members(a):
    user = a.users.create(user_name="grace@example.com")
    group = a.groups.create(display_name="crew", members=[iam.ComplexValue(value=user.id)])
    assert [member.value for member in a.groups.get(group.id).members] == [user.id]
    a.groups.patch(
        group.id,
        operations=[iam.Patch(op=iam.PatchOp.REMOVE, path=f'members[value eq "{user.id}"]')],
        schemas=[iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP],
    )
    assert not a.groups.get(group.id).members
    assert "crew" in [found.display_name for found in a.groups.list()]
    a.groups.delete(group.id)
    a.users.delete(user.id)


def test_paging_of_scim_lists_ends(a):
    made = [a.groups.create(display_name=f"page-{n}") for n in range(5)]
    listed = [found.id for found in a.groups.list(count=2)]
    assert len(listed) == len(set(listed)) and set(listed) >= {group.id for group in made}
    for group in made:
        a.groups.delete(group.id)


def test_service_principals(w):
    made = w.service_principals.create(display_name="loader")
    assert w.service_principals.get(made.id).application_id == made.application_id
    assert made.application_id in [found.application_id for found in w.service_principals.list()]
    w.service_principals.delete(made.id)


def test_tokens_are_made_used_and_revoked(w, server):
    made = w.tokens.create(comment="short", lifetime_seconds=600)
    client = WorkspaceClient(host=server.url, token=made.token_value)
    assert client.current_user.me().user_name == "admin@localhost"
    assert "short" in [token.comment for token in w.tokens.list()]
    w.tokens.delete(made.token_info.token_id)
    with pytest.raises(Unauthenticated):
        client.current_user.me()


def test_a_service_principal_signs_in_with_client_credentials(w, a, server):
    principal = w.service_principals.create(display_name="m2m")
    secret = a.service_principal_secrets.create(service_principal_id=principal.id)
    client = WorkspaceClient(host=server.url, client_id=principal.application_id, client_secret=secret.secret)
    assert client.current_user.me().user_name == principal.application_id
    a.service_principal_secrets.delete(service_principal_id=principal.id, secret_id=secret.id)
    with pytest.raises(Exception, match="invalid_client|401|credential"):
        WorkspaceClient(host=server.url, client_id=principal.application_id, client_secret=secret.secret).current_user.me()


def test_tokens_on_behalf_of_a_service_principal(robot):
    assert robot.client.current_user.me().user_name == robot.name


def test_others_may_not_administer(robot):
    with pytest.raises(PermissionDenied):
        robot.client.users.create(user_name="mallory@example.com")
    with pytest.raises(PermissionDenied):
        robot.client.service_principals.create(display_name="more")


def test_permissions_of_a_warehouse(w, server):
    principal = w.service_principals.create(display_name="runner")
    kind, warehouse = "warehouses", server.warehouse_id
    change = iam.AccessControlRequest(service_principal_name=principal.application_id, permission_level=iam.PermissionLevel.CAN_USE)
    updated = w.permissions.update(kind, warehouse, access_control_list=[change])
    found = {acl.service_principal_name: acl.all_permissions[0].permission_level for acl in updated.access_control_list}
    assert found[principal.application_id] == iam.PermissionLevel.CAN_USE
    levels = w.permissions.get_permission_levels(kind, warehouse).permission_levels
    assert iam.PermissionLevel.CAN_MANAGE in [level.permission_level for level in levels]


def test_workspace_assignment(a, server):
    user = a.users.create(user_name="assigned@example.com")
    workspace = int(server.workspace_id)
    a.workspace_assignment.update(workspace_id=workspace, principal_id=int(user.id), permissions=[iam.WorkspacePermission.USER])
    listed = {found.principal.principal_id: found.permissions for found in a.workspace_assignment.list(workspace)}
    assert listed[int(user.id)] == [iam.WorkspacePermission.USER]
    a.workspace_assignment.delete(workspace, int(user.id))
    assert int(user.id) not in [found.principal.principal_id for found in a.workspace_assignment.list(workspace)]


def entitlements(w, group, op, *names):
    operations = [iam.Patch(op=iam.PatchOp.REMOVE, path=f'entitlements[value eq "{name}"]') for name in names]
    if op == "add":
        operations = [iam.Patch(op=iam.PatchOp.ADD, path="entitlements", value=[{"value": name} for name in names])]
    w.groups.patch(group.id, operations=operations, schemas=[iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP])


def test_entitlements_open_sql_and_come_from_groups(own_server):
    w = WorkspaceClient(host=own_server.url, token=own_server.token)
    principal = w.service_principals.create(display_name="reader")
    token = w.token_management.create_obo_token(application_id=principal.application_id, lifetime_seconds=600).token_value
    reader = WorkspaceClient(host=own_server.url, token=token)
    users = next(iter(w.groups.list(filter='displayName eq "users"')))
    assert {one.value for one in w.groups.get(users.id).entitlements} == {"workspace-access", "databricks-sql-access"}
    one = dict(statement="SELECT 1", warehouse_id=own_server.warehouse_id, wait_timeout="50s")
    assert reader.statement_execution.execute_statement(**one).result.data_array == [["1"]]
    entitlements(w, users, "remove", "databricks-sql-access")
    with pytest.raises(PermissionDenied, match="databricks-sql-access"):
        reader.statement_execution.execute_statement(**one)
    with pytest.raises(PermissionDenied):
        reader.warehouses.get(own_server.warehouse_id)
    with pytest.raises(Exception, match="databricks-sql-access"):
        own_server.connect(token=token)
    group = w.groups.create(display_name="analysts", members=[iam.ComplexValue(value=principal.id)])
    entitlements(w, group, "add", "databricks-sql-access")
    assert reader.statement_execution.execute_statement(**one).result.data_array == [["1"]]
    # Admins have everything.
    assert w.statement_execution.execute_statement(**one).result.data_array == [["1"]]


def test_a_deleted_workspace_leaves_nothing(own_server):
    """Its sandbox runs a statement when it is deleted; its tokens are dead at once."""
    url = own_server.url
    a = AccountClient(host=url, token=own_server.token, account_id=own_server.account_id)
    made = a.workspaces.create(workspace_name="Two", deployment_name="two", compute_mode=provisioning.CustomerFacingComputeMode.SERVERLESS).result()
    principal = a.service_principals.create(display_name="second", active=True)
    a.workspace_assignment.update(made.workspace_id, int(principal.id), permissions=[iam.WorkspacePermission.ADMIN])
    secret = a.service_principal_secrets.create(service_principal_id=principal.id)
    answer = requests.post(
        f"{url}/oidc/accounts/{own_server.account_id}/v1/token",
        data={"grant_type": "client_credentials", "scope": "all-apis"},
        auth=(principal.application_id, secret.secret),
    )
    answer.raise_for_status()
    two = WorkspaceClient(host=url, token=answer.json()["access_token"], workspace_id=str(made.workspace_id))
    assert two.get_workspace_id() == made.workspace_id
    pat = two.tokens.create(comment="of two").token_value
    second = WorkspaceClient(host=url, token=pat)
    warehouse = two.warehouses.create_and_wait(name="w", cluster_size="2X-Small", max_num_clusters=1, auto_stop_mins=10, enable_serverless_compute=True)
    slow = "SELECT count(*) FROM range(10000000000) a"
    running = two.statement_execution.execute_statement(slow, warehouse.id, wait_timeout="0s", on_wait_timeout=None)
    assert named(children(own_server.process.pid), "--door")
    a.workspaces.delete(made.workspace_id)
    with pytest.raises(Unauthenticated):
        second.current_user.me()
    with pytest.raises(PermissionDenied):
        two.statement_execution.get_statement(running.statement_id)
    with pytest.raises(NotFound):
        a.workspaces.get(made.workspace_id)
    assert not named(children(own_server.process.pid), "--door")
    # The deployment's name is free again, and nothing of the old one is in it.
    again = a.workspaces.create(workspace_name="Two", deployment_name="two", compute_mode=provisioning.CustomerFacingComputeMode.SERVERLESS).result()
    a.workspace_assignment.update(again.workspace_id, int(principal.id), permissions=[iam.WorkspacePermission.ADMIN])
    two = WorkspaceClient(host=url, token=answer.json()["access_token"], workspace_id=str(again.workspace_id))
    assert warehouse.id not in [found.id for found in two.warehouses.list()]


def test_workspaces_have_host_names():
    with temporary_directory() as directory:
        server = Server(directory, "--domain", "biplane.test", env={"BIPLANE_SAMPLES_SCALE": "0"})
        try:
            found = requests.get(f"{server.url}/.well-known/databricks-config", headers={"Host": "main.biplane.test"}).json()
            assert found["workspace_id"] == server.workspace_id
            account = requests.get(f"{server.url}/.well-known/databricks-config", headers={"Host": "accounts.biplane.test"}).json()
            assert account["host_type"] == "account" and "workspace_id" not in account
        finally:
            server.stop()
