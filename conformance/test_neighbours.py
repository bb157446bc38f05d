"""Two workspaces on one host, and two users of one: programs that try to see, reach or slow each other."""

import time

import pytest
import requests
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.service import iam, provisioning

from server import WITH_CODE, Server, temporary_directory, until
from test_python import Python, person  # noqa: F401

MEETING = """
import ctypes, mmap, os, socket, sys
NAME = "meet"
places = ["/tmp/" + NAME, "/dev/shm/" + NAME, os.path.expanduser("~/" + NAME), "/var/tmp/" + NAME, "/dev/mqueue/" + NAME]
libc = ctypes.CDLL(None, use_errno=True)
"""

#: Leaves whatever one can leave for somebody else to find.
LEAVE = MEETING + """
left, kept = [], []
for place in places:
    try:
        open(place, "w").write("secret of A")
        os.chmod(place, 0o777)
        left.append(place)
    except OSError:
        pass
for address in ["\\0" + NAME, "/tmp/" + NAME + ".sock"]:
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(address)
        listener.listen(5)
        kept.append(listener)
        left.append(address)
    except OSError:
        pass
for family, host in [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")]:
    try:
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, 45678))
        listener.listen(5)
        kept.append(listener)
        left.append("port")
    except OSError:
        pass
if libc.shmget(0x6d656574, 4096, 0o1777) >= 0:
    left.append("shm")
if libc.semget(0x6d656574, 1, 0o1777) >= 0:
    left.append("sem")
if libc.msgget(0x6d656574, 0o1777) >= 0:
    left.append("msg")
import subprocess
kept.append(subprocess.Popen([sys.executable, "-c", "import time; marker = 'secret-of-a'; time.sleep(600)", "secret-of-a"]))
(sorted(set(left)), os.getpid())
"""

#: Looks for it.
LOOK = MEETING + """
found = []
for place in places:
    if os.path.exists(place):
        found.append(place)
for address in ["\\0" + NAME, "/tmp/" + NAME + ".sock"]:
    try:
        socket.socket(socket.AF_UNIX).connect(address)
        found.append(address)
    except OSError:
        pass
for family, host in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]:
    try:
        probe = socket.socket(family)
        probe.settimeout(2)
        probe.connect((host, 45678))
        found.append("port")
    except OSError:
        pass
if libc.shmget(0x6d656574, 4096, 0) >= 0:
    found.append("shm")
if libc.semget(0x6d656574, 1, 0) >= 0:
    found.append("sem")
if libc.msgget(0x6d656574, 0) >= 0:
    found.append("msg")
mine = os.getpid()
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if b"secret-of-a" in open(f"/proc/{pid}/cmdline", "rb").read():
            found.append("process " + pid)
    except OSError:
        pass
for pid in range(2, 4000):
    if pid not in (mine, os.getppid()):
        try:
            os.kill(pid, 0)
            if not os.path.exists(f"/proc/{pid}"):
                found.append(f"signal {pid}")
        except OSError:
            pass
for root, directories, files in os.walk("/"):
    directories[:] = [name for name in directories if os.path.join(root, name) not in ("/proc", "/sys", "/usr", "/dev/fd")]
    found += [os.path.join(root, name) for name in files if name.endswith(".sock") and not root.startswith("/doors")]
sorted(found)
"""


class Host:
    """A server, its node, and a user in each of two workspaces."""

    def __init__(self, server):
        self.server = server
        a = AccountClient(host=server.url, token=server.token, account_id=server.account_id)
        self.one = WorkspaceClient(host=server.url, token=server.token)
        made = a.workspaces.create(workspace_name="Two", deployment_name="two", compute_mode=provisioning.CustomerFacingComputeMode.SERVERLESS).result()
        principal = a.service_principals.create(display_name="second", active=True)
        a.workspace_assignment.update(made.workspace_id, int(principal.id), permissions=[iam.WorkspacePermission.ADMIN])
        secret = a.service_principal_secrets.create(service_principal_id=principal.id)
        answer = requests.post(
            f"{server.url}/oidc/accounts/{server.account_id}/v1/token",
            data={"grant_type": "client_credentials", "scope": "all-apis"},
            auth=(principal.application_id, secret.secret),
        )
        answer.raise_for_status()
        self.two = WorkspaceClient(host=server.url, token=answer.json()["access_token"], workspace_id=str(made.workspace_id))


@pytest.fixture(scope="module")
def host():
    with temporary_directory() as directory:
        server = Server(directory, env=WITH_CODE)
        try:
            yield Host(server)
        finally:
            server.stop()


@pytest.fixture(params=["two workspaces", "two users"])
def pair(host, request):
    """Two interpreters on one node that have nothing to do with each other."""
    first = Python(host.one)
    if request.param == "two workspaces":
        second = Python(host.two)
    else:
        second = Python(person(host.one, host.server, f"user{time.monotonic_ns()}"))
    yield first, second
    for one in (first, second):
        one.destroy()


def test_neighbours_cannot_meet(pair):
    first, second = pair
    left = first.text(LEAVE)
    # They could be found, by somebody in the same sandbox.
    assert "/tmp/meet" in left and "port" in left and "shm" in left, left
    seen = first.text(LOOK)
    assert "/tmp/meet" in seen and "process" in seen and "port" in seen and "shm" in seen, seen
    assert second.text(LOOK) == "[]"


SPIN = """
import multiprocessing, os, resource, time
def spin(until):
    while time.monotonic() < until:
        pass
def measure(processes, seconds):
    until = time.monotonic() + seconds
    children = []
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            spin(until)
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
"""


def test_a_neighbour_keeps_its_share_of_the_processors(host):
    first, second = Python(host.one), Python(host.two)
    first.run(SPIN)
    second.run(SPIN)
    hog = first.start("measure(24, 6)")
    until(lambda: first.api.command_status("serverless", first.id, hog).status.value == "Running", what="the hog")
    time.sleep(0.5)
    # One process against two dozen: whatever the host has left, a twenty-fifth of it would be no share.
    own = float(second.text("measure(1, 3)")) / 3
    taken = float(first.ended(hog).results.data) / 6
    assert own > 0.2 * (own + taken), (own, taken)
    first.destroy()
    second.destroy()


BOMB = """
import os, time
born = 0
try:
    while True:
        pid = os.fork()
        if pid == 0:
            time.sleep(6)
            os._exit(0)
        born += 1
except OSError as error:
    pass
born
"""


def test_a_fork_bomb_and_a_memory_hog_harm_no_neighbour(host):
    first, second = Python(host.one), Python(host.two)
    second.run("kept = 7")
    bomb = first.start(BOMB)
    until(lambda: first.api.command_status("serverless", first.id, bomb).status.value == "Running", what="the bomb")
    # While they are all there.
    time.sleep(1)
    assert second.text("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(6 * 7)']).returncode") == "42\n0"
    answer = host.two.statement_execution.execute_statement(statement="SELECT 1", warehouse_id=warehouse(host.two), wait_timeout="50s")
    assert answer.result.data_array == [["1"]]
    assert 10 < int(first.ended(bomb).results.data) < 10_000
    hog = Python(person(host.one, host.server, "hog"))
    cause = hog.error("held = []\nwhile True:\n    held.append(bytearray(b'x' * (32 << 20)))")
    assert "memory" in cause or "MemoryError" in cause or "SIGKILL" in cause, cause
    assert second.text("kept") == "7"
    first.destroy()
    second.destroy()


def warehouse(client):
    found = list(client.warehouses.list())
    if found:
        return found[0].id
    made = client.warehouses.create(name="two", cluster_size="2X-Small", max_num_clusters=1, auto_stop_mins=10)
    return made.id
