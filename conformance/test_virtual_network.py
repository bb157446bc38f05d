"""The networks of local hosts: one for each workspace, with nothing in it but them, and one way out."""

import array
import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from databricks.sdk import AccountClient
from databricks.sdk.service import provisioning, settings
from databricks.sdk.service.compute import Language, ResultType

from server import WITH_CODE, Server, temporary_directory, until
from test_neighbours import Host

SERVICE = "com.amazonaws.vpce.svc-word"
NAME = "word.corp.invalid"
WORD = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\ninside"

#: Tries to connect to each of the addresses; prints those that answer.
PROBE = """
import json, socket, sys
reached = []
for host, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((host, port), 2).close()
        reached.append([host, port])
    except OSError:
        pass
print(json.dumps(reached))
"""

#: What is there of a network.
SEEN = """
import json, socket
print(json.dumps([name for _, name in socket.if_nameindex()]))
"""


def serve_word(listener):
    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(4096)
                client.sendall(WORD)

    threading.Thread(target=serve, daemon=True).start()


@pytest.fixture(scope="module")
def word():
    """A service of the operator's own network, and whatever else listens on this machine, on all of its addresses."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("0.0.0.0", 0)) as other:
        serve_word(listener)
        serve_word(other)
        yield listener.getsockname()[1], other.getsockname()[1]


@pytest.fixture(scope="module")
def host(word):
    with temporary_directory() as directory:
        server = Server(directory, env={**WITH_CODE, "BIPLANE_ENDPOINT_SERVICES": f"{SERVICE}=127.0.0.1:{word[0]}"})
        try:
            yield Host(server)
        finally:
            server.stop()


@pytest.fixture(scope="module")
def clusters(host):
    """One with a worker in the first workspace, one without in the second."""
    made = []
    for client, workers in ((host.one, 1), (host.two, 0)):
        version, node_type = client.clusters.select_spark_version(), client.clusters.select_node_type()
        made.append(client.clusters.create(cluster_name="net", spark_version=version, node_type_id=node_type, num_workers=workers, autotermination_minutes=30).result())
    return made


class Agent:
    """The process of a local host."""

    def __init__(self, pid, words):
        self.pid = pid
        self.way_out = Path(words[words.index("--way-out") + 1])

    def network(self):
        return os.stat(f"/proc/{self.pid}/ns/net").st_ino

    def listens(self):
        """Ports of its network."""
        lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{self.pid}/net/{name}").read_text().splitlines()[1:]]
        return sorted({int(line[1].split(":")[1], 16) for line in lines if line[3] == "0A"})

    def run(self, program, *args):
        """A program of Python in the network of the agent."""
        libc = ctypes.CDLL(None, use_errno=True)
        other = [name for name in ("user", "net") if os.stat(f"/proc/{self.pid}/ns/{name}").st_ino != os.stat(f"/proc/self/ns/{name}").st_ino]
        opened = [open(f"/proc/{self.pid}/ns/{name}") for name in other]

        def enter():
            for namespace in opened:
                if libc.setns(namespace.fileno(), 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")

        try:
            ran = subprocess.run([sys.executable, "-c", program, *args], preexec_fn=enter, capture_output=True, text=True, timeout=60)
        finally:
            for namespace in opened:
                namespace.close()
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def reached(self, addresses):
        return [tuple(address) for address in self.run(PROBE, json.dumps(addresses))]

    def ask(self, request):
        """What who is outside answers, and the connection that he passes."""
        handle = os.open(self.way_out, os.O_RDONLY)
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(30)
                asked.connect(f"/proc/self/fd/{handle}/out.sock")
                asked.sendall(request.encode() + b"\n")
                line = b""
                while not line.endswith(b"\n"):
                    line += asked.recv(1)
                if not line.startswith(b"ok ") or request.startswith("resolve"):
                    return line.decode().strip(), None
                _, control, _, _ = asked.recvmsg(1, socket.CMSG_SPACE(4))
                fds = array.array("i", control[0][2])
                return "ok", socket.socket(fileno=fds[0])
        finally:
            os.close(handle)


def agents(server, cluster):
    hosts = [cluster.driver, *(cluster.executors or [])]
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word == str(server.directory / "data" / "hosts" / host.instance_id) for host in hosts for word in words):
            found.append(Agent(int(entry.name), words))
    assert len(found) == len(hosts)
    return found


def own_address():
    """An address of this machine in its network, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


def attach(host, workspace, config):
    a = AccountClient(host=host.server.url, token=host.server.token, account_id=host.server.account_id)
    fields = provisioning.Workspace(network_connectivity_config_id=config)
    a.workspaces.update(workspace, customer_facing_workspace=fields, update_mask="network_connectivity_config_id").result()


@pytest.fixture(scope="module")
def endpoint(host):
    """The configuration with the rule that leads to the word, not attached yet."""
    a = AccountClient(host=host.server.url, token=host.server.token, account_id=host.server.account_id)
    region = a.workspaces.get(int(host.server.workspace_id)).aws_region
    wanted = settings.CreateNetworkConnectivityConfiguration(name="word", region=region)
    config = a.network_connectivity.create_network_connectivity_configuration(wanted).network_connectivity_config_id
    rule = settings.CreatePrivateEndpointRule(endpoint_service=SERVICE, domain_names=[NAME])
    a.network_connectivity.create_private_endpoint_rule(config, rule)
    return config


def test_hosts_of_a_workspace_are_together_and_apart_from_others(host, clusters):
    one, two = (agents(host.server, cluster) for cluster in clusters)
    here = os.stat("/proc/self/ns/net").st_ino
    networks = {agent.network() for agent in one}
    assert len(networks) == 1 and here not in networks
    assert two[0].network() not in networks | {here}
    assert one[0].run(SEEN) == ["lo"]


def test_nothing_leads_in_and_nothing_out(host, clusters, word):
    one, two = (agents(host.server, cluster) for cluster in clusters)
    inside = {agents[0].pid: [("127.0.0.1", port) for port in agents[0].listens()] for agents in (one, two)}
    # The mesh of each host; a network knows those of all its hosts.
    assert len(inside[one[0].pid]) == 2 and len(inside[two[0].pid]) == 1
    assert one[1].reached(inside[one[0].pid]) == inside[one[0].pid]
    assert set(one[0].reached(inside[two[0].pid])) <= set(inside[one[0].pid])
    for address in inside[one[0].pid] + inside[two[0].pid]:
        with pytest.raises(OSError):
            socket.create_connection(address, 2).close()
    server = host.server.url.removeprefix("http://").split(":")
    there = [(server[0], int(server[1])), ("127.0.0.1", host.server.tls_port), ("127.0.0.1", word[0]), (own_address(), word[1])]
    for address in there:
        socket.create_connection(address, 5).close()
    for agent in (one[0], two[0]):
        assert agent.reached([*there, ("1.1.1.1", 53), ("192.0.2.1", 443), ("169.254.169.254", 80)]) == []


def test_who_is_outside_connects_to_what_the_workspace_may_reach(host, clusters, word, endpoint):
    one, two = (agents(host.server, cluster)[0] for cluster in clusters)
    assert one.way_out != two.way_out
    assert one.way_out.stat().st_mode & 0o777 == 0o700
    for agent in (one, two):
        told, relay = agent.ask("relay")
        assert told == "ok"
        relay.close()
        port = host.server.url.rsplit(":", 1)[1]
        for request in (f"connect 127.0.0.1:{port}", f"store 127.0.0.1 {port}", f"connect {own_address()}:{word[1]}", f"connect 127.0.0.1:{word[0]}", "connect 169.254.169.254:80"):
            told, passed = agent.ask(request)
            assert told.startswith("no denied ") and passed is None, (request, told)
    service = f"connect 127.0.0.1:{word[0]}"
    attach(host, int(host.server.workspace_id), endpoint)
    told, passed = one.ask(service)
    assert told == "ok"
    with passed:
        passed.settimeout(30)
        passed.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert passed.recv(4096) == WORD
    # The other workspace has no such endpoint.
    assert two.ask(service)[0].startswith("no denied ")


def test_code_works_and_reaches_what_it_may(host, clusters, word, endpoint):
    attach(host, int(host.server.workspace_id), endpoint)
    code = f"import urllib.request\nprint(urllib.request.urlopen('http://{NAME}:{word[0]}/', timeout=20).read())"

    def printed(client, cluster, command, language=Language.PYTHON):
        api, id = client.command_execution, cluster.cluster_id
        context = api.create_and_wait(cluster_id=id, language=language)
        results = api.execute_and_wait(cluster_id=id, context_id=context.id, language=language, command=command).results
        api.destroy(id, context.id)
        return results

    until(lambda: printed(host.one, clusters[0], code).data == "b'inside'\n", what="the word of the service")
    assert printed(host.two, clusters[1], code).result_type == ResultType.ERROR
    assert printed(host.two, clusters[1], "print(6 * 7)").data == "42\n"
    assert printed(host.one, clusters[0], "print(spark.range(10).count())").data == "10\n"
    assert printed(host.one, clusters[0], "SELECT 6 * 7 AS n", Language.SQL).data == [[42]]


def test_a_network_goes_with_its_last_host(host, clusters):
    agent = agents(host.server, clusters[1])[0]
    host.two.clusters.delete_and_wait(clusters[1].cluster_id)
    until(lambda: not agent.way_out.exists(), what="the end of the network")
    again = host.two.clusters.start_and_wait(clusters[1].cluster_id)
    assert agents(host.server, again)[0].ask("relay")[0] == "ok"
