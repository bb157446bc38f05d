"""The first program of a runtime's sandbox: starts Sail on loopback and brings its Spark Connect port to the relay door.

It dials the door, says `serve`, and joins that connection with one to the port. Sail runs in a process of its own: while it
runs Python functions of users, bytes go on.
"""

import os
import socket
import subprocess
import sys
import threading
import time

BUFFER_BYTES = 256 << 10
AGAIN_S, AGAIN_MAX_S = 0.05, 2.0


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


def start():
    os.makedirs("spill", exist_ok=True)
    child = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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


def main():
    if sys.argv[1:] == ["serve"]:
        return serve()
    child, port = start()
    threading.Thread(target=keep_serving, args=(os.environ["BIPLANE_DOOR"], port), daemon=True).start()
    status = child.wait()
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
