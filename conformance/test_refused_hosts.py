"""Hosts that this machine does not allow as it is set up: clusters end soon, and say what to change."""

import os
import shutil
import subprocess
import time

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import EventType, State, TerminationReasonCode, TerminationReasonType

from server import WITH_CODE, Server, binary, temporary_directory, until

#: Far below what a provider is waited for.
SOON_SECONDS = 30

#: Limits of a user namespace hold for all that begins in it.
WITHOUT = """#!/bin/sh
exec unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/{limit} && exec "$0" "$@"' {binary} "$@"
"""


def may_have_limits():
    script = "echo 0 > /proc/sys/user/max_net_namespaces && ! unshare --net true"
    return shutil.which("unshare") and subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", script], capture_output=True).returncode == 0


@pytest.fixture
def site(request, monkeypatch):
    """A server where the kernel makes no namespaces of one kind."""
    if not may_have_limits():
        pytest.skip("this machine has no user namespaces")
    with temporary_directory() as directory:
        program = os.path.join(directory, "biplane")
        with open(program, "w") as script:
            script.write(WITHOUT.format(limit=request.param, binary=binary()))
        os.chmod(program, 0o755)
        monkeypatch.setenv("BIPLANE_BIN", program)
        server = Server(directory, env=WITH_CODE)
        try:
            yield server
        finally:
            server.stop()


@pytest.mark.parametrize(
    ("site", "code", "says"),
    [
        ("max_net_namespaces", TerminationReasonCode.NETWORK_CONFIGURATION_FAILURE, ["network namespace", "No space left", "Raise the limits user.max_net_namespaces"]),
        ("max_pid_namespaces", TerminationReasonCode.CLOUD_PROVIDER_LAUNCH_FAILURE, ["Its agent ended (exit status: 1): ", "sandbox"]),
    ],
    indirect=["site"],
)
def test_a_host_that_cannot_be_is_the_end_of_its_cluster(site, code, says):
    client = WorkspaceClient(host=site.url, token=site.token)
    version, node_type = client.clusters.select_spark_version(), client.clusters.select_node_type()
    began = time.monotonic()
    id = client.clusters.create(cluster_name="refused", spark_version=version, node_type_id=node_type, num_workers=1, autotermination_minutes=30).cluster_id

    def ended():
        seen = client.clusters.get(id)
        return seen if seen.state == State.TERMINATED else None

    seen = until(ended, SOON_SECONDS, "the end of the cluster")
    assert time.monotonic() - began < SOON_SECONDS
    assert seen.termination_reason.code == code, seen.termination_reason
    for words in says:
        assert words in seen.state_message, seen.state_message
    events = [event.type for event in client.clusters.events(id)]
    assert EventType.TERMINATING in events and EventType.RUNNING not in events
    # Its waiter says so, too.
    with pytest.raises(Exception, match="failed to reach RUNNING"):
        client.clusters.wait_get_cluster_running(id)
    assert not list((site.directory / "data" / "hosts").glob("local-*"))
