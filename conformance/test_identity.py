"""databricks-sdk: who am I, SCIM at both levels, tokens, OAuth, permissions on objects."""

import pytest
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.service import iam

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
