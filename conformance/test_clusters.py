"""Clusters on hosts of this machine, with the unmodified SDK: its waiters, its selectors, commands on them."""


import pytest
from databricks.sdk.errors import BadRequest, NotFound, NotImplemented
from databricks.sdk.service.compute import (
    AutoScale,
    AwsAttributes,
    AwsAvailability,
    AzureAttributes,
    ClusterSource,
    DataSecurityMode,
    DependencyMode,
    EventType,
    GcpAttributes,
    Language,
    ListClustersFilterBy,
    NodeTypeFlexibility,
    ResultType,
    State,
    TerminationReasonCode,
)
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
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=site.url, token=site.token)


def basics(client, **more):
    return {
        "cluster_name": "conformance",
        "spark_version": client.clusters.select_spark_version(long_term_support=True),
        "node_type_id": client.clusters.select_node_type(),
        "autotermination_minutes": 30,
        **more,
    }


@pytest.fixture(scope="module")
def cluster(client):
    made = client.clusters.create_and_wait(**basics(client, num_workers=0, spark_env_vars={"GREETING": "hello"}))
    yield made
    client.clusters.permanent_delete(made.cluster_id)


def test_selectors_find_something(client):
    assert client.clusters.select_spark_version(long_term_support=True).startswith("1")
    assert client.clusters.select_spark_version(scala="2.13", spark_version="4.0")
    smallest = client.clusters.select_node_type()
    largest = max(client.clusters.list_node_types().node_types, key=lambda one: one.memory_mb)
    assert client.clusters.select_node_type(min_memory_gb=largest.memory_mb // 1024) == largest.node_type_id
    assert smallest != largest.node_type_id
    zones = client.clusters.list_zones()
    assert zones.default_zone in zones.zones


def test_a_cluster_is_what_was_asked_for(client, cluster):
    assert cluster.state == State.RUNNING
    assert cluster.driver.instance_id and not cluster.executors
    assert cluster.cluster_source == ClusterSource.API
    assert cluster.data_security_mode == DataSecurityMode.USER_ISOLATION
    assert cluster.spec.autotermination_minutes == 30
    listed = client.clusters.list(filter_by=ListClustersFilterBy(cluster_states=[State.RUNNING, State.PENDING]))
    assert cluster.cluster_id in [one.cluster_id for one in listed]
    client.clusters.ensure_cluster_is_running(cluster.cluster_id)
    with pytest.raises(BadRequest) as caught:
        client.clusters.start(cluster.cluster_id)
    assert caught.value.error_code == "INVALID_STATE"
    kinds = [event.type for event in client.clusters.events(cluster.cluster_id)]
    assert kinds[-2:] == [EventType.RUNNING, EventType.CREATING]


def test_commands_run_on_the_driver(client, cluster):
    api, id = client.command_execution, cluster.cluster_id
    context = api.create_and_wait(cluster_id=id, language=Language.PYTHON)
    answer = api.execute_and_wait(cluster_id=id, context_id=context.id, language=Language.PYTHON, command="import os\nprint(os.environ['GREETING'], 6 * 7)")
    assert answer.results.result_type == ResultType.TEXT, answer.results.cause
    assert answer.results.data == "hello 42\n"
    with pytest.raises(NotFound):
        api.context_status("serverless", context.id)
    answer = api.execute_and_wait(cluster_id=id, context_id=context.id, language=Language.PYTHON, command="1 / 0")
    assert "ZeroDivisionError" in answer.results.cause
    api.destroy(id, context.id)


def test_permissions(client, cluster):
    levels = client.permissions.get_permission_levels("clusters", cluster.cluster_id).permission_levels
    assert [level.permission_level.value for level in levels] == ["CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"]
    users = AccessControlRequest(group_name="users", permission_level=PermissionLevel.CAN_RESTART)
    answer = client.permissions.set("clusters", cluster.cluster_id, access_control_list=[users])
    assert answer.object_id == f"/clusters/{cluster.cluster_id}" and answer.object_type == "cluster"
    answer = client.permissions.set("clusters", cluster.cluster_id, access_control_list=[])
    names = [entry.group_name for entry in answer.access_control_list]
    assert names == ["admins"]


def test_life_and_end(client):
    cluster = client.clusters.create_and_wait(**basics(client, num_workers=0))
    id = cluster.cluster_id
    first = cluster.driver.instance_id
    again = client.clusters.restart_and_wait(id)
    assert again.state == State.RUNNING and again.driver.instance_id != first
    grown = client.clusters.resize_and_wait(id, num_workers=1)
    assert len(grown.executors) == 1
    client.clusters.pin(id)
    client.command_execution.create(cluster_id=id, language=Language.PYTHON)
    ended = client.clusters.delete_and_wait(id)
    assert ended.state == State.TERMINATED
    assert ended.termination_reason.code == TerminationReasonCode.USER_REQUEST
    with pytest.raises(BadRequest):
        client.command_execution.create(cluster_id=id, language=Language.PYTHON)
    client.clusters.edit(id, **basics(client, cluster_name="edited", num_workers=0))
    assert client.clusters.get(id).cluster_name == "edited"
    client.clusters.ensure_cluster_is_running(id)
    assert client.clusters.get(id).state == State.RUNNING
    client.clusters.permanent_delete(id)
    with pytest.raises(NotFound):
        client.clusters.get(id)


def test_what_cannot_be_is_refused(client):
    for wrong in [{"node_type_id": "m5.gigantic"}, {"spark_version": "1.x"}, {"autotermination_minutes": 1}, {"autoscale": AutoScale(min_workers=3, max_workers=1)}]:
        fields = basics(client, num_workers=0, **wrong)
        if "autoscale" in wrong:
            del fields["num_workers"]
        with pytest.raises(BadRequest):
            client.clusters.create(**fields)
    other = NodeTypeFlexibility(alternate_node_type_ids=["m5.large"])
    bid = AwsAttributes(availability=AwsAvailability.SPOT, spot_bid_price_percent=50)
    for says, unsupported in [
        ("ssh_public_keys", {"ssh_public_keys": ["ssh-rsa x"]}),
        ("driver_node_type_flexibility", {"driver_node_type_flexibility": other}),
        ("worker_node_type_flexibility", {"worker_node_type_flexibility": other}),
        ("spot_bid_price_percent", {"aws_attributes": bid}),
        ("azure_attributes", {"azure_attributes": AzureAttributes(first_on_demand=1)}),
        ("gcp_attributes", {"gcp_attributes": GcpAttributes(local_ssd_count=1)}),
        ("remote_disk_throughput", {"remote_disk_throughput": 100}),
        ("DEPENDENCY_MODE_ENVIRONMENTS", {"dependency_mode": DependencyMode.DEPENDENCY_MODE_ENVIRONMENTS}),
    ]:
        with pytest.raises(NotImplemented, match=says):
            client.clusters.create(**basics(client, num_workers=0, **unsupported))


def test_hosts_end_with_their_cluster_and_their_server(site, client):
    def agents():
        hosts = site.directory / "data" / "hosts"
        return {path.name for path in hosts.iterdir()} if hosts.exists() else set()

    before = agents()
    made = [client.clusters.create(**basics(client, num_workers=0)).response.cluster_id for _ in range(4)]
    until(lambda: len(agents() - before) == 4, what="their hosts")
    for id in made:
        client.clusters.permanent_delete(id)
    until(lambda: not agents() - before, what="the end of their hosts")


def test_a_server_that_starts_again_says_that_its_local_hosts_are_gone(site, client):
    made = client.clusters.create_and_wait(**basics(client, num_workers=0))
    site.stop()
    site.start()

    def ended():
        seen = client.clusters.get(made.cluster_id)
        return seen if seen.state == State.TERMINATED else None

    seen = until(ended, seconds=60, what="the end of the cluster")
    assert seen.termination_reason.code == TerminationReasonCode.CLOUD_PROVIDER_SHUTDOWN
    client.clusters.ensure_cluster_is_running(made.cluster_id)
    client.clusters.permanent_delete(made.cluster_id)
