"""What compute may reach: network policies and private endpoints at the door of a running warehouse's sandbox."""

import os
import socket
import threading
import time

import pytest
from databricks.sdk import AccountClient
from databricks.sdk.service import provisioning, settings

from server import Server, temporary_directory, until

Access = settings.EgressNetworkPolicyNetworkAccessPolicy
Mode = settings.EgressNetworkPolicyNetworkAccessPolicyRestrictionMode
Internet = settings.EgressNetworkPolicyNetworkAccessPolicyInternetDestination
InternetType = settings.EgressNetworkPolicyNetworkAccessPolicyInternetDestinationInternetDestinationType


SERVICE = "com.amazonaws.vpce.us-east-1.vpce-svc-0"


@pytest.fixture(scope="module")
def inside():
    """A service in the operator's own network: it says one word, in no protocol that the door knows."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.sendall(b"inside")

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def server(inside):
    env = {"BIPLANE_SAMPLES_SCALE": "0", "BIPLANE_ENDPOINT_SERVICES": f"{SERVICE}=127.0.0.1:{inside}"}
    with temporary_directory() as directory:
        server = Server(directory, env=env)
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


def test_a_private_endpoint_is_reached_by_its_name_alone(server, inside):
    a = AccountClient(host=server.url, token=server.token, account_id=server.account_id)
    workspace = int(server.workspace_id)
    sandbox = doors(server)
    region = a.workspaces.get(workspace).aws_region
    ncc = a.network_connectivity
    config = ncc.create_network_connectivity_configuration(settings.CreateNetworkConnectivityConfiguration(name="inside", region=region))
    id = config.network_connectivity_config_id
    rule = ncc.create_private_endpoint_rule(id, settings.CreatePrivateEndpointRule(endpoint_service=SERVICE, domain_names=["db.corp.invalid"]))
    assert rule.connection_state == settings.NccPrivateEndpointRulePrivateLinkConnectionState.ESTABLISHED
    target = f"db.corp.invalid:{inside}"
    assert not connect(sandbox, target).startswith("HTTP/1.1 200")

    def attach(id):
        fields = provisioning.Workspace(network_connectivity_config_id=id)
        a.workspaces.update(workspace, customer_facing_workspace=fields, update_mask="network_connectivity_config_id").result()
        return time.monotonic()

    def soon(start, status, what):
        until(lambda: connect(sandbox, target).startswith(f"HTTP/1.1 {status}"), what=what)
        assert time.monotonic() - start < 1.0, what

    soon(attach(id), 200, "the endpoint")
    assert connect(sandbox, f"127.0.0.1:{inside}").startswith("HTTP/1.1 403")
    assert "not open on this port" in connect(sandbox, "db.corp.invalid:22")
    off = settings.UpdatePrivateEndpointRule(enabled=False)
    ncc.update_private_endpoint_rule(id, rule.rule_id, off, "enabled")
    until(lambda: not connect(sandbox, target).startswith("HTTP/1.1 200"), what="its end")
    on = settings.UpdatePrivateEndpointRule(enabled=True)
    ncc.update_private_endpoint_rule(id, rule.rule_id, on, "enabled")
    soon(time.monotonic(), 200, "the endpoint, again")
    attach("")
    until(lambda: not connect(sandbox, target).startswith("HTTP/1.1 200"), what="its end without the configuration")
