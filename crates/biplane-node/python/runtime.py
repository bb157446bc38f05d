"""The first program of a runtime's sandbox: starts Sail on loopback and brings its Spark Connect port to the relay door.

It dials the door, says `serve`, and joins that connection with one to the port. Sail runs in a process of its own: while it
runs Python functions of users, bytes go on. Tables of the catalog Sail finds at a port of here, which leads through the relay door
with the word `catalog`; it reads them at the storage door.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

BUFFER_BYTES = 256 << 10
AGAIN_S, AGAIN_MAX_S = 0.05, 2.0
CATALOG = "/api/2.1/unity-catalog"
CATALOG_WAIT_S = 10
DEFAULT_CATALOG, DEFAULT_SCHEMA = "main", "default"
# Where the sandbox's forwarder leads to the storage door. That one signs: no key is needed here.
STORAGE = "http://127.0.0.1:9000"


def serve():
    """The child: says its port on stdout, and serves until its stdin ends."""
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    with os.fdopen(os.dup(1), "w") as told:
        told.write(f"{server.listening_address[1]}\n")
    os.dup2(2, 1)
    while os.read(0, 1):
        pass
    os._exit(0)


def catalogs(port):
    """The names of those that the user sees. Others, and new ones, are found by their full names all the same."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CATALOG_WAIT_S)
        connection.request("GET", f"{CATALOG}/catalogs")
        found = [one["name"] for one in json.load(connection.getresponse())["catalogs"]]
        connection.close()
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        found = []
    # One of Sail's own is called so.
    return [name for name in found if re.fullmatch("[A-Za-z0-9_-]+", name) and name != "system"]


def environment(port):
    names = catalogs(port)
    default = DEFAULT_CATALOG if DEFAULT_CATALOG in names or not names else names[0]
    uri = f"http://127.0.0.1:{port}{CATALOG}"
    listed = [f'{{name="{name}", type="unity", uri="{uri}", default_catalog="{name}"}}' for name in sorted({default, *names})]
    return {
        **os.environ,
        "SAIL_CATALOG__LIST": f"[{', '.join(listed)}]",
        "SAIL_CATALOG__DEFAULT_CATALOG": json.dumps(default),
        "SAIL_CATALOG__DEFAULT_DATABASE": json.dumps([DEFAULT_SCHEMA]),
        "AWS_ENDPOINT": STORAGE,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def start(catalog_port):
    os.makedirs("spill", exist_ok=True)
    command = [sys.executable, "-B", os.path.abspath(__file__), "serve"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(catalog_port))
    line = child.stdout.readline()
    if not line:
        sys.exit(child.wait() or 1)
    return child, int(line)


def dial(door):
    # Its directory may be too deep for the address of a socket.
    directory = os.open(os.path.dirname(door), os.O_PATH | os.O_DIRECTORY)
    relay = socket.socket(socket.AF_UNIX)
    try:
        relay.connect(door if len(door) < 100 else f"/proc/self/fd/{directory}/{os.path.basename(door)}")
    finally:
        os.close(directory)
    return relay


def copy(source, target):
    buffer = memoryview(bytearray(BUFFER_BYTES))
    try:
        while count := source.recv_into(buffer):
            if source.family == socket.AF_INET:
                # Sail waits for this before it sends the rest of an answer; by itself the kernel takes 40 ms.
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            target.sendall(buffer[:count])
    except OSError:
        pass
    for end, how in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def join(one, other):
    """Carries bytes both ways until both ends are done."""
    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join()
    one.close()
    other.close()


def keep_serving(door, port):
    pause = AGAIN_S
    while True:
        since = time.monotonic()
        try:
            relay = dial(door)
            relay.sendall(b"serve\n")
            inner = socket.create_connection(("127.0.0.1", port))
            inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            join(relay, inner)
        except OSError:
            pass
        pause = AGAIN_S if time.monotonic() - since > AGAIN_MAX_S else min(pause * 2, AGAIN_MAX_S)
        time.sleep(pause)


def lead(inner, door):
    """A connection to the catalog's port, on to the relay door."""
    try:
        relay = dial(door)
        relay.sendall(b"catalog\n")
    except OSError:
        return inner.close()
    inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    join(inner, relay)


def keep_leading(listener, door):
    while True:
        inner, _ = listener.accept()
        threading.Thread(target=lead, args=(inner, door), daemon=True).start()


def main():
    if sys.argv[1:] == ["serve"]:
        return serve()
    door = os.environ["BIPLANE_DOOR"]
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=keep_leading, args=(listener, door), daemon=True).start()
    child, port = start(listener.getsockname()[1])
    threading.Thread(target=keep_serving, args=(door, port), daemon=True).start()
    status = child.wait()
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
