"""The first program of a Python sandbox: takes code from the control plane and keeps one interpreter for each context.

It dials the relay door, says `code`, and then both sides send frames: four bytes of length, big-endian, and that many
bytes of JSON. User code never runs in this process: a crash of it is reported, and the context gets a new interpreter.
"""

import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

FRAME_BYTES_MAX = 16 << 20
# What a command may print; the rest is dropped and said to be.
OUTPUT_BYTES_MAX = 1 << 20
OUTPUT_PIECE_BYTES = 64 << 10
CONTEXTS_MAX = 64
# Between an interrupt and the end of the interpreter.
CANCEL_GRACE_S = 2.0
START_TIMEOUT_S = 60.0
SEND_TIMEOUT_S = 60.0
COPY_BYTES = 256 << 10
PR_SET_DUMPABLE = 4

HERE = os.path.dirname(os.path.abspath(__file__))


class Frames:
    """Cuts a stream into frames."""

    def __init__(self, bytes_max=FRAME_BYTES_MAX):
        self.buffer = bytearray()
        self.bytes_max = bytes_max

    def feed(self, data):
        self.buffer += data
        while len(self.buffer) >= 4:
            (length,) = struct.unpack_from(">I", self.buffer)
            if length > self.bytes_max:
                raise ValueError("a frame is too long")
            if len(self.buffer) < 4 + length:
                return
            body = bytes(self.buffer[4 : 4 + length])
            del self.buffer[: 4 + length]
            frame = json.loads(body)
            if not isinstance(frame, dict):
                raise ValueError("a frame is not an object")
            yield frame


def encode(frame):
    body = json.dumps(frame).encode()
    if len(body) > FRAME_BYTES_MAX:
        raise ValueError("a frame is too long")
    return struct.pack(">I", len(body)) + body


class Command:
    def __init__(self, id):
        self.id = id
        self.printed = 0
        self.cut = False
        # When the interpreter is killed, once cancelled.
        self.kill_at = None
        self.cancelled = False
        # Only then an interrupt is heeded.
        self.began = False


class Context:
    """One interpreter and what runs in it."""

    def __init__(self, id, selector, variables):
        self.id = id
        self.selector = selector
        self.variables = variables
        self.command = None
        self.announced = False
        self.start()

    def start(self):
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        environment = {**os.environ, **self.variables, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py"), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env=environment,
        )
        theirs.close()
        os.close(write)
        os.set_blocking(read, False)
        ours.setblocking(False)
        self.control, self.output, self.frames = ours, read, Frames()
        self.ready = False
        self.ready_by = time.monotonic() + START_TIMEOUT_S
        self.waiting = []
        self.selector.register(ours, selectors.EVENT_READ, ("control", self))
        self.selector.register(read, selectors.EVENT_READ, ("output", self))

    def tell(self, frame):
        """A worker reads its frames between commands, so only small ones may wait in the socket."""
        self.control.setblocking(True)
        self.control.settimeout(SEND_TIMEOUT_S)
        try:
            self.control.sendall(encode(frame))
        finally:
            self.control.setblocking(False)

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def close(self):
        """Ends the interpreter and what it started in its session; how it ended."""
        for stream in (self.control, self.output):
            try:
                self.selector.unregister(stream)
            except KeyError:
                pass
        self.signal(signal.SIGKILL)
        self.control.close()
        os.close(self.output)
        return self.process.wait()


class Runner:
    def __init__(self, relay, work):
        self.relay = relay
        self.work = work
        self.selector = selectors.DefaultSelector()
        self.contexts = {}
        self.incoming = Frames()
        relay.setblocking(False)
        self.selector.register(relay, selectors.EVENT_READ, ("relay", None))

    def send(self, **frame):
        self.relay.setblocking(True)
        self.relay.settimeout(SEND_TIMEOUT_S)
        try:
            self.relay.sendall(encode(frame))
        finally:
            self.relay.setblocking(False)

    def run(self):
        self.send(event="hello", python=sys.version.split()[0])
        while True:
            for key, _ in self.selector.select(self.patience()):
                kind, context = key.data
                if kind == "relay":
                    if not self.heed_relay():
                        return
                elif self.contexts.get(context.id) is not context:
                    continue
                elif kind == "output":
                    self.heed_output(context)
                else:
                    self.heed_worker(context)
            self.enforce()

    def patience(self):
        ends = [context.command.kill_at for context in self.contexts.values() if context.command and context.command.kill_at]
        ends += [context.ready_by for context in self.contexts.values() if not context.ready]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def enforce(self):
        now = time.monotonic()
        for context in list(self.contexts.values()):
            if not context.ready and now >= context.ready_by:
                self.ended(context, "did not start in time")
            elif context.command and context.command.kill_at and now >= context.command.kill_at:
                self.ended(context, "was ended")

    def heed_relay(self):
        try:
            data = self.relay.recv(1 << 16)
        except BlockingIOError:
            return True
        if not data:
            return False
        for frame in self.incoming.feed(data):
            self.obey(frame)
        return True

    def obey(self, frame):
        operation, id = frame["op"], frame.get("context")
        context = self.contexts.get(id)
        if operation == "token":
            self.keep_token(frame)
        elif operation == "create":
            if context is None and len(self.contexts) < CONTEXTS_MAX:
                variables = frame.get("environment") or {}
                if frame.get("secrets"):
                    variables["BIPLANE_SECRET_NAMES"] = ",".join(frame["secrets"])
                self.contexts[id] = Context(id, self.selector, variables)
        elif context is None:
            if operation == "execute":
                self.finish(id, frame["command"], error("ContextLost", "The context is not there any more."))
        elif operation == "execute":
            self.execute(context, frame)
        elif operation == "cancel":
            command = context.command
            if command and command.id == frame["command"] and not command.cancelled:
                command.cancelled = True
                command.kill_at = time.monotonic() + CANCEL_GRACE_S
                if command.began:
                    context.signal(signal.SIGINT)
        elif operation == "destroy":
            del self.contexts[id]
            context.close()
            self.send(event="destroyed", context=id)

    def keep_token(self, frame):
        """For `biplane.sql`, which reads it at every call."""
        path = os.path.join(self.work, ".biplane-token")
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"token": frame["token"], "warehouse_id": frame.get("warehouse_id")}, file)
        os.replace(path + ".new", path)

    def execute(self, context, frame):
        if context.command:
            return self.finish(context.id, frame["command"], error("Busy", "Another command runs in this context."))
        context.command = Command(frame["command"])
        order = {"code": frame["code"], "command": frame["command"]}
        if context.ready:
            context.tell(order)
        else:
            context.waiting.append(order)

    def heed_output(self, context):
        try:
            data = os.read(context.output, OUTPUT_PIECE_BYTES)
        except BlockingIOError:
            return
        if not data:
            # All who could write are gone; the control socket tells the rest.
            self.selector.unregister(context.output)
        elif context.command:
            self.print(context, data)

    def print(self, context, data):
        command = context.command
        room = OUTPUT_BYTES_MAX - command.printed
        if len(data) > room:
            command.cut, data = True, data[:room]
        if data:
            command.printed += len(data)
            self.send(event="output", context=context.id, command=command.id, text=data.decode("utf-8", "replace"))

    def drain(self, context):
        """What a command printed is in the pipe before it says that it is done."""
        for _ in range(2 * OUTPUT_BYTES_MAX // OUTPUT_PIECE_BYTES):
            try:
                data = os.read(context.output, OUTPUT_PIECE_BYTES)
            except (BlockingIOError, OSError):
                return
            if not data:
                return
            self.print(context, data)

    def heed_worker(self, context):
        try:
            data = context.control.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.ended(context, None)
        try:
            # User code could write here as well: what makes no sense ends the interpreter.
            for frame in context.frames.feed(data):
                if frame.get("ready"):
                    self.begin(context)
                elif context.command and frame.get("began") == context.command.id:
                    context.command.began = True
                    if context.command.cancelled:
                        context.signal(signal.SIGINT)
                elif context.command and frame.get("done") == context.command.id:
                    self.done(context, frame["result"])
        except (ValueError, KeyError, TypeError):
            self.ended(context, "broke its own connection")

    def begin(self, context):
        context.ready = True
        if not context.announced:
            context.announced = True
            self.send(event="created", context=context.id)
        for order in context.waiting:
            context.tell(order)
        context.waiting = []

    def done(self, context, result):
        self.drain(context)
        command, context.command = context.command, None
        restart = result.pop("restart", False)
        result["truncated"] = bool(result.get("truncated")) or command.cut
        result["cancelled"] = command.cancelled
        if restart is True:
            context.close()
        self.finish(context.id, command.id, result)
        if restart is True:
            context.start()

    def ended(self, context, why):
        """The interpreter is gone, or has to go. The context goes on with a new one."""
        command = context.command
        if command:
            self.drain(context)
        context.command = None
        status = context.close()
        if not context.announced:
            # Without an interpreter that starts there is no context.
            del self.contexts[context.id]
            self.send(event="failed", context=context.id, reason=f"The Python interpreter {why or how(status)}.")
            return
        if command:
            text = f"The Python interpreter {why or how(status)}. Its variables are lost; the next command starts with none."
            result = error("PythonProcessEnded", text)
            result["cancelled"] = command.cancelled
            result["truncated"] = command.cut
            self.finish(context.id, command.id, result)
        context.start()

    def finish(self, context, command, result):
        frame = {"event": "finished", "context": context, "command": command, "result": result}
        try:
            encode(frame)
        except ValueError:
            frame["result"] = error("ResultTooLarge", "The result is larger than a command may return.")
        self.send(**frame)


def how(status):
    if status >= 0:
        return f"ended unexpectedly with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"ended unexpectedly ({name})"


def error(name, message):
    return {"error": {"name": name, "message": message, "traceback": f"{name}: {message}"}}


def connect(door, word=b"code\n"):
    # Its directory may be too deep for the address of a socket.
    directory = os.open(os.path.dirname(door), os.O_PATH | os.O_DIRECTORY)
    relay = socket.socket(socket.AF_UNIX)
    try:
        relay.connect(door if len(door) < 100 else f"/proc/self/fd/{directory}/{os.path.basename(door)}")
    finally:
        os.close(directory)
    relay.sendall(word)
    return relay


class Spark(threading.Thread):
    """A port in this sandbox where the runtime of its user answers: every connection is one through the relay door.

    Its threads are not those of the interpreters, which may be busy while bytes come."""

    def __init__(self, door):
        super().__init__(daemon=True)
        self.door = door
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            client, _ = self.listener.accept()
            try:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                relay = connect(self.door, b"spark\n")
            except OSError:
                client.close()
                continue
            for source, target in ((client, relay), (relay, client)):
                threading.Thread(target=self.copy, args=(source, target), daemon=True).start()

    @staticmethod
    def copy(source, target):
        buffer = memoryview(bytearray(COPY_BYTES))
        try:
            while count := source.recv_into(buffer):
                target.sendall(buffer[:count])
        except OSError:
            pass
        # The other direction ends with this one, and with both the descriptors.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    # Contexts cannot look into this process.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    work = os.getcwd()
    os.makedirs(os.path.join(work, "packages"), exist_ok=True)
    fonts = os.environ.get("BIPLANE_FONTS", "")
    if os.path.isdir(fonts):
        # A copy: Matplotlib wants to write beside it.
        shutil.copytree(fonts, os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
    spark = Spark(os.environ["BIPLANE_DOOR"])
    spark.start()
    # Sessions that programs make find it by themselves.
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{spark.port}"
    runner = Runner(connect(os.environ["BIPLANE_DOOR"]), work)
    try:
        runner.run()
    finally:
        for context in runner.contexts.values():
            context.signal(signal.SIGKILL)


if __name__ == "__main__":
    main()
