"""Cluster policies and instance pools with the unmodified SDK."""

import json

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied
from databricks.sdk.service.compute import Language, ListSortColumn, ListSortOrder
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

from server import WITH_CODE, Server, temporary_directory, until


@pytest.fixture(scope="module")
def site():
    with temporary_directory() as scratch:
        server = Server(scratch, env=WITH_CODE)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def client(site):
    return WorkspaceClient(host=site.url, token=site.token)


@pytest.fixture(scope="module")
def somebody(client, site):
    """A service principal that may do what everybody may."""
    principal = client.service_principals.create(display_name="somebody", active=True)
    token = client.token_management.create_obo_token(application_id=principal.application_id, lifetime_seconds=3600)
    return principal.application_id, WorkspaceClient(host=site.url, token=token.token_value)


def basics(client, **more):
    return {
        "cluster_name": "policed",
        "spark_version": client.clusters.select_spark_version(long_term_support=True),
        "node_type_id": client.clusters.select_node_type(),
        **more,
    }


def test_families_and_the_policies_of_every_workspace(client):
    families = {family.policy_family_id: family for family in client.policy_families.list(max_results=2)}
    assert list(families) == ["personal-vm", "shared-compute", "power-user", "job-cluster"]
    for family in families.values():
        assert json.loads(family.definition)
        assert client.policy_families.get(family.policy_family_id) == family
    by_name = list(client.cluster_policies.list(sort_column=ListSortColumn.POLICY_NAME, sort_order=ListSortOrder.ASC))
    assert [policy.name for policy in by_name if policy.is_default] == ["Job Compute", "Personal Compute", "Power User Compute", "Shared Compute"]
    with pytest.raises(BadRequest):
        client.cluster_policies.delete(by_name[0].policy_id)


def test_a_policy_lives(client):
    definition = {"num_workers": {"type": "range", "maxValue": 1, "defaultValue": 0}, "custom_tags.team": {"type": "fixed", "value": "data", "hidden": True}}
    made = client.cluster_policies.create(name="lives", definition=json.dumps(definition), max_clusters_per_user=3)
    policy = client.cluster_policies.get(made.policy_id)
    assert json.loads(policy.definition) == definition
    assert policy.max_clusters_per_user == 3 and not policy.is_default and policy.creator_user_name
    with pytest.raises(BadRequest, match="attribute path"):
        client.cluster_policies.edit(made.policy_id, name="lives", definition='{"nonsense": {"type": "fixed", "value": 1}}')
    client.cluster_policies.edit(made.policy_id, name="renamed", policy_family_id="power-user", policy_family_definition_overrides=json.dumps(definition))
    policy = client.cluster_policies.get(made.policy_id)
    merged = json.loads(policy.definition)
    assert merged["num_workers"] == definition["num_workers"] and "spark_version" in merged
    client.cluster_policies.delete(made.policy_id)
    with pytest.raises(NotFound):
        client.cluster_policies.get(made.policy_id)


def test_clusters_keep_to_their_policy(client, somebody):
    name, other = somebody
    definition = {
        "num_workers": {"type": "fixed", "value": 0},
        "autotermination_minutes": {"type": "range", "minValue": 10, "maxValue": 60, "defaultValue": 20},
        "custom_tags.team": {"type": "fixed", "value": "data"},
    }
    policy = client.cluster_policies.create(name="kept", definition=json.dumps(definition)).policy_id
    with pytest.raises(PermissionDenied):
        other.clusters.create(**basics(other, num_workers=0))
    with pytest.raises(NotFound):
        other.clusters.create(**basics(other, policy_id=policy, autotermination_minutes=10))
    client.cluster_policies.update_permissions(
        policy, access_control_list=[AccessControlRequest(service_principal_name=name, permission_level=PermissionLevel.CAN_USE)]
    )
    assert [level.permission_level.value for level in client.cluster_policies.get_permission_levels(policy).permission_levels] == ["CAN_USE"]
    assert policy in [one.policy_id for one in other.cluster_policies.list()]
    with pytest.raises(BadRequest, match="Validation failed for autotermination_minutes, the value must be between 10 and 60"):
        other.clusters.create(**basics(other, policy_id=policy, autotermination_minutes=90))
    cluster = other.clusters.create_and_wait(**basics(other, policy_id=policy, apply_policy_default_values=True))
    assert (cluster.num_workers, cluster.autotermination_minutes, cluster.custom_tags) == (0, 20, {"team": "data"})

    changed = {**definition, "custom_tags.team": {"type": "fixed", "value": "science"}}
    client.cluster_policies.edit(policy, name="kept", definition=json.dumps(changed))
    status = client.policy_compliance_for_clusters.get_compliance(cluster.cluster_id)
    assert not status.is_compliant and list(status.violations) == ["custom_tags.team"]
    listed = {one.cluster_id: one for one in client.policy_compliance_for_clusters.list_compliance(policy)}
    assert listed[cluster.cluster_id].is_compliant is False
    client.clusters.delete_and_wait(cluster.cluster_id)
    planned = client.policy_compliance_for_clusters.enforce_compliance(cluster.cluster_id, validate_only=True)
    assert [(change.field, change.previous_value, change.new_value) for change in planned.changes] == [("custom_tags.team", "data", "science")]
    assert client.policy_compliance_for_clusters.enforce_compliance(cluster.cluster_id).has_changes
    assert client.policy_compliance_for_clusters.get_compliance(cluster.cluster_id).is_compliant
    assert client.clusters.get(cluster.cluster_id).custom_tags == {"team": "science"}
    client.clusters.permanent_delete(cluster.cluster_id)
    client.cluster_policies.delete(policy)


def test_a_cluster_of_a_pool_takes_the_host_that_waits(client):
    node_type = client.clusters.select_node_type()
    pool = client.instance_pools.create(
        instance_pool_name="warm", node_type_id=node_type, min_idle_instances=1, max_capacity=1, idle_instance_autotermination_minutes=30
    ).instance_pool_id

    def counts():
        stats = client.instance_pools.get(pool).stats
        return stats.idle_count, stats.used_count

    until(lambda: counts() == (1, 0), what="an idle host")
    assert [one.instance_pool_name for one in client.instance_pools.list()] == ["warm"]
    assert [level.permission_level.value for level in client.instance_pools.get_permission_levels(pool).permission_levels] == ["CAN_ATTACH_TO", "CAN_MANAGE"]

    version = client.clusters.select_spark_version(long_term_support=True)
    cluster = client.clusters.create_and_wait(cluster_name="of the pool", spark_version=version, instance_pool_id=pool, num_workers=0, autotermination_minutes=30)
    assert cluster.node_type_id == node_type and counts() == (0, 1)
    first = cluster.driver.instance_id
    context = client.command_execution.create_and_wait(cluster_id=cluster.cluster_id, language=Language.PYTHON)
    answer = client.command_execution.execute_and_wait(cluster_id=cluster.cluster_id, context_id=context.id, language=Language.PYTHON, command="6 * 7")
    assert answer.results.data == "42"

    client.clusters.delete_and_wait(cluster.cluster_id)
    until(lambda: counts() == (1, 0), what="the host to come back")
    again = client.clusters.start_and_wait(cluster.cluster_id)
    assert again.driver.instance_id == first
    client.clusters.permanent_delete(cluster.cluster_id)
    client.instance_pools.edit(instance_pool_id=pool, instance_pool_name="cold", node_type_id=node_type, min_idle_instances=0, idle_instance_autotermination_minutes=0)
    until(lambda: counts() == (0, 0), what="the end of idle hosts")
    client.instance_pools.delete(pool)
    with pytest.raises(NotFound):
        client.instance_pools.get(pool)
