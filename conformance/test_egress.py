"""What compute may reach: the account's network policy at the door of a running warehouse's sandbox."""

import os
import socket
import time

import pytest
from databricks.sdk import AccountClient
from databricks.sdk.service import settings

from server import Server, temporary_directory, until

Access = settings.EgressNetworkPolicyNetworkAccessPolicy
Mode = settings.EgressNetworkPolicyNetworkAccessPolicyRestrictionMode
Internet = settings.EgressNetworkPolicyNetworkAccessPolicyInternetDestination
InternetType = settings.EgressNetworkPolicyNetworkAccessPolicyInternetDestinationInternetDestinationType


@pytest.fixture(scope="module")
def server():
    with temporary_directory() as directory:
        server = Server(directory, env={"BIPLANE_SAMPLES_SCALE": "0"})
        try:
            with server.connect() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            yield server
        finally:
            server.stop()


def doors(server):
    return next(server.directory.glob("**/sandboxes/*/doors/egress.sock")).parent


def connect(directory, target):
    """What the door answers to a CONNECT, first line. Its path is too long for a socket's address."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(20)
            door.connect(f"/proc/self/fd/{handle}/egress.sock")
            door.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            return door.recv(4096).decode().split("\r\n")[0]
    finally:
        os.close(handle)


def restricted(id, *hosts):
    listed = [Internet(destination=host, internet_destination_type=InternetType.DNS_NAME) for host in hosts]
    access = Access(restriction_mode=Mode.RESTRICTED_ACCESS, allowed_internet_destinations=listed)
    return settings.AccountNetworkPolicy(network_policy_id=id, egress=settings.NetworkPolicyEgress(network_access=access))


def test_a_policy_holds_for_running_compute_within_a_second(server):
    a = AccountClient(host=server.url, token=server.token, account_id=server.account_id)
    workspace = int(server.workspace_id)
    sandbox = doors(server)
    # Everything on the internet, and nothing inside.
    for target in ("127.0.0.1:80", "169.254.169.254:80", "[::1]:443", "10.0.0.1:443"):
        answer = connect(sandbox, target)
        assert answer.startswith("HTTP/1.1 403 ") and "not an address of the internet" in answer, answer
    # A name that nobody has: it is looked up, so it was allowed.
    assert connect(sandbox, "nobody.invalid:443").startswith("HTTP/1.1 502")

    a.network_policies.create_network_policy_rpc(restricted("strict", "listed.invalid"))
    chosen = settings.WorkspaceNetworkOption(network_policy_id="strict", workspace_id=workspace)
    a.workspace_network_configuration.update_workspace_network_option_rpc(workspace, chosen)
    denied = "HTTP/1.1 403 egress to nobody.invalid:443 denied: not in the workspace's network policy"
    start = time.monotonic()
    until(lambda: connect(sandbox, "nobody.invalid:443") == denied, what="the policy")
    assert time.monotonic() - start < 1.0
    assert connect(sandbox, "listed.invalid:443").startswith("HTTP/1.1 502")

    a.network_policies.update_network_policy_rpc("strict", restricted("strict", "listed.invalid", "nobody.invalid"))
    until(lambda: connect(sandbox, "nobody.invalid:443").startswith("HTTP/1.1 502"), what="the change")
    # The engine works on, and the statement of a user is none the wiser.
    with server.connect() as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchall()[0][0] == 1
