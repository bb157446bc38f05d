"""The first program of a sandbox that prepares a host of a cluster: it keeps files, installs packages and runs init scripts,
one order after the other, as the control plane says. What they leave in the cluster's directory, all contexts there see.

It dials the relay door and says `code`, as the runner does; it is given no token."""

import base64
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import deque

from runner import Frames, connect, encode

# Of one run; after that only the end is kept.
OUTPUT_BYTES_MAX = 4 << 20
OUTPUT_PIECE_BYTES = 64 << 10
TAIL_BYTES_MAX = 16 << 10


class Preparer:
    def __init__(self, relay, work):
        self.relay = relay
        self.work = work

    def send(self, **frame):
        self.relay.sendall(encode(frame))

    def run(self):
        frames = Frames()
        while data := self.relay.recv(1 << 16):
            for frame in frames.feed(data):
                if frame["op"] == "file":
                    self.keep(frame)
                elif frame["op"] == "run":
                    self.execute(frame)

    def path(self, name):
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise ValueError("a name of a file is none")
        directory = os.path.join(self.work, "files")
        os.makedirs(directory, exist_ok=True)
        return os.path.join(directory, name)

    def keep(self, frame):
        with open(self.path(frame["name"]), "wb" if frame["first"] else "ab") as file:
            file.write(base64.b64decode(frame["data"]))
        self.send(event="kept")

    def execute(self, frame):
        try:
            command = self.command(frame)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.work,
                env={**os.environ, **(frame.get("environment") or {})},
            )
        except OSError as error:
            return self.send(event="exited", status=127, tail=f"it cannot be run: {error.strerror}\n", late=False)
        try:
            status, tail, late = self.follow(process, time.monotonic() + frame["seconds"])
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
            process.stdout.close()
        self.send(event="exited", status=status, tail=tail, late=late)

    def command(self, frame):
        arguments = [self.path(one["file"]) if isinstance(one, dict) else one for one in frame["arguments"]]
        if frame["kind"] == "pip":
            return [sys.executable, "-m", "pip", "install", "--upgrade", *arguments]
        script = arguments[0]
        os.chmod(script, 0o755)
        with open(script, "rb") as file:
            marked = file.read(2) == b"#!"
        return [script] if marked else [shutil.which("bash") or "/bin/sh", script]

    def follow(self, process, until):
        """Passes on what it prints, until it ends or has to."""
        output, tail, kept, sent = process.stdout, deque(), 0, 0
        os.set_blocking(output.fileno(), False)
        late = False
        while True:
            left = until - time.monotonic()
            if left <= 0:
                late = True
                break
            # Whoever it started in the background may keep the output open.
            readable, _, _ = select.select([output], [], [], min(left, 0.1))
            if not readable:
                if process.poll() is not None:
                    break
                continue
            data = os.read(output.fileno(), OUTPUT_PIECE_BYTES)
            if not data:
                break
            tail.append(data)
            kept += len(data)
            while kept - len(tail[0]) >= TAIL_BYTES_MAX:
                kept -= len(tail.popleft())
            if sent < OUTPUT_BYTES_MAX:
                sent += len(data)
                self.send(event="output", text=data.decode("utf-8", "replace"))
        if late:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            late = self.wait(process, until)
        text = b"".join(tail)[-TAIL_BYTES_MAX:].decode("utf-8", "replace")
        return process.wait(), text, late

    @staticmethod
    def wait(process, until):
        try:
            process.wait(max(0.0, until - time.monotonic()))
            return False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return True


def main():
    os.umask(0o022)
    cluster = os.environ["BIPLANE_CLUSTER_DIR"]
    for name in ("bin", "packages"):
        os.makedirs(os.path.join(cluster, name), exist_ok=True)
    preparer = Preparer(connect(os.environ["BIPLANE_DOOR"]), os.getcwd())
    preparer.send(event="hello")
    preparer.run()


if __name__ == "__main__":
    main()
