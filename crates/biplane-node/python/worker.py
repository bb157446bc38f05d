"""The interpreter of one context: runs commands in one namespace, and says what came of them."""

import ast
import base64
import builtins
import ctypes
import io
import json
import linecache
import math
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import traceback
import types
import warnings

import biplane_workspace
from biplane_dbutils import HIDDEN, DBUtils, Exit, Restart, hide

ROWS_MAX = 10_000
COLUMNS_MAX = 1_000
TABLE_BYTES_MAX = 4 << 20
CELL_CHARS_MAX = 64 << 10
TEXT_CHARS_MAX = 512 << 10
IMAGES_MAX = 16
IMAGE_BYTES_MAX = 6 << 20
PROXY = ("127.0.0.1", 3128)
PR_SET_DUMPABLE = 4

HERE = os.path.dirname(os.path.abspath(__file__))


class MagicError(Exception):
    """A line that begins with % and cannot be done."""


class Connection:
    def __init__(self, number):
        self.socket = socket.socket(fileno=number)

    def exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                os._exit(0)
            data += piece
        return bytes(data)

    def receive(self):
        (length,) = struct.unpack(">I", self.exactly(4))
        return json.loads(self.exactly(length))

    def send(self, **frame):
        body = json.dumps(frame).encode()
        self.socket.sendall(struct.pack(">I", len(body)) + body)


def run(code, namespace, name):
    """The value of the last expression, None without one."""
    source = magics(code)
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST)
    for missing in named(tree) & LAZY.keys() - namespace.keys():
        namespace[missing] = LAZY[missing]()
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not silenced(source):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, name, "exec"), namespace)
    if last is not None:
        return eval(compile(last, name, "eval"), namespace)


def named(tree):
    """What the code reads by name."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def spark():
    """The session of this context, as its user, on the user's runtime."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise RuntimeError(f"PySpark cannot be used in this context: {error}") from None
    return SparkSession.builder.getOrCreate()


# Made for the first command that names them.
LAZY = {"spark": spark, "dbutils": DBUtils}


def interrupt_spark(namespace):
    """What an interrupted command began on the runtime is not wanted any more."""
    session = namespace.get("spark")
    if session is None or not type(session).__module__.startswith("pyspark."):
        return
    try:
        session.interruptAll()
    except Exception:
        # It ends when its session does.
        pass


def silenced(source):
    return source.rstrip().endswith(";")


def magics(code):
    """Lines like `%pip install x` become calls; all others stay where they are."""
    lines = code.split("\n")
    for index, line in enumerate(lines):
        text = line.strip()
        if not text.startswith("%"):
            continue
        try:
            ast.parse(code)
            # Part of a string, or of an expression over several lines.
            return code
        except SyntaxError:
            pass
        indent = line[: len(line) - len(line.lstrip())]
        word = text.split(None, 1)[0]
        lines[index] = f"{indent}__biplane_magic__({text!r})" if word != "%python" else ""
    return "\n".join(lines)


def magic(text):
    word, _, rest = text.partition(" ")
    if word == "%pip":
        return pip(shlex.split(rest))
    if word == "%run":
        return run_other(rest)
    raise MagicError(f"{word} is not supported here; %pip and %run are.")


def run_other(rest):
    """A notebook or file of the workspace, in this namespace."""
    words = shlex.split(rest)
    if len(words) != 1 or not words[0].startswith("/"):
        raise MagicError("%run takes the path of a notebook or file in the workspace, from its root on: %run /Users/…")
    run(biplane_workspace.source(words[0]), sys.modules["__main__"].__dict__, words[0])


def pip(arguments):
    try:
        socket.create_connection(PROXY, timeout=2).close()
    except OSError:
        raise MagicError("Packages cannot be installed: there is no way out of this sandbox.") from None
    done = subprocess.run([sys.executable, "-m", "pip", *arguments])
    import importlib

    importlib.invalidate_caches()
    if done.returncode:
        raise MagicError(
            f"pip ended with exit code {done.returncode}. If it found no package or could not connect, "
            "the network policy of this workspace does not let it reach the package index."
        )


def plain(value):
    """A cell as JSON has it."""
    if value is None or isinstance(value, (bool, str)):
        return value[:CELL_CHARS_MAX] if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None if math.isnan(value) else str(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)[:CELL_CHARS_MAX]).decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return plain(value.item())
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value[:1000]]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in list(value.items())[:1000]}
    return str(value)[:CELL_CHARS_MAX]


ARROW_TYPES = {
    "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "uint8": "smallint", "uint16": "int",
    "uint32": "bigint", "uint64": "decimal(20,0)", "float": "float", "halffloat": "float", "double": "double", "bool": "boolean",
    "date32[day]": "date", "date64[ms]": "date", "binary": "binary", "large_binary": "binary", "null": "void",
}  # fmt: skip
NUMPY_TYPES = {
    "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "uint8": "smallint", "uint16": "int",
    "uint32": "bigint", "float16": "float", "float32": "float", "float64": "double", "bool": "boolean",
}  # fmt: skip


def arrow_type(type):
    text = str(type)
    if text.startswith("timestamp"):
        return "timestamp"
    if text.startswith("decimal"):
        return "decimal" + text[text.index("(") :].replace(" ", "")
    return ARROW_TYPES.get(text, "string")


def pandas_type(type):
    text = str(type)
    return "timestamp" if text.startswith("datetime64") else NUMPY_TYPES.get(text.lower(), "string")


def table(value):
    """Of a DataFrame or an Arrow table; None when the value is neither."""
    pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if type(value).__module__.startswith("pyspark.sql.") and hasattr(value, "toArrow"):
        value = value.limit(ROWS_MAX + 1).toArrow()
    if arrow and isinstance(value, arrow.RecordBatch):
        value = arrow.Table.from_batches([value])
    if pandas and isinstance(value, pandas.Series):
        value = value.to_frame()
    if pandas and isinstance(value, pandas.DataFrame):
        count, head = len(value), value.iloc[:ROWS_MAX, :COLUMNS_MAX]
        names, types = list(head.columns), [pandas_type(type) for type in head.dtypes]
        columns = [head.iloc[:, index].tolist() for index in range(len(names))]
        cut = value.shape[1] > COLUMNS_MAX
    elif arrow and isinstance(value, arrow.Table):
        count, head = value.num_rows, value.slice(0, ROWS_MAX)
        names, types = head.column_names[:COLUMNS_MAX], [arrow_type(field.type) for field in head.schema][:COLUMNS_MAX]
        columns = [head.column(index).to_pylist() for index in range(len(names))]
        cut = value.num_columns > COLUMNS_MAX
    else:
        return None
    rows, size = [], 0
    for index in range(min(count, ROWS_MAX)):
        row = [plain(column[index]) for column in columns]
        size += len(json.dumps(row))
        if size > TABLE_BYTES_MAX:
            break
        rows.append(row)
    schema = [{"name": str(name), "type": type} for name, type in zip(names, types)]
    return {"schema": schema, "data": rows, "truncated": cut or len(rows) < count}


def images(shown):
    """The figures that were shown and those that are open, as PNG; they are closed."""
    plots = sys.modules.get("matplotlib.pyplot")
    found, size, cut = [], 0, False
    opened = [plots.figure(number) for number in plots.get_fignums()] if plots else []
    for figure in dict.fromkeys(shown + opened):
        file = io.BytesIO()
        if len(found) < IMAGES_MAX:
            figure.savefig(file, format="png")
        data = base64.b64encode(file.getvalue()).decode()
        size += len(data)
        if data and size <= IMAGE_BYTES_MAX:
            found.append(data)
        else:
            cut = True
    if plots:
        plots.close("all")
    return found, cut


def failure(error):
    """Without the frames of what runs the code."""
    told = traceback.TracebackException.from_exception(error)
    pending, seen = [told], set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if one.stack:
            one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(HERE + os.sep)]
        pending += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or [])]
    text = "".join(told.format())
    try:
        message = str(error)
    except Exception:
        message = "(the exception cannot be shown)"
    return {"name": type(error).__name__, "message": message[:4096], "traceback": text[:TEXT_CHARS_MAX]}


class Session:
    """The namespace of a context."""

    def __init__(self):
        module = types.ModuleType("__main__")
        self.namespace = module.__dict__
        self.namespace["__builtins__"] = builtins
        self.namespace["__biplane_magic__"] = magic
        self.namespace["display"] = self.display
        sys.modules["__main__"] = module
        self.count = 0
        self.shown = None
        self.pictures = []

    def display(self, value=None, *_, **__):
        """Makes a table of it the result of the command; a figure is an image; prints anything else."""
        plots = sys.modules.get("matplotlib.figure")
        if plots and isinstance(value, plots.Figure):
            # Open figures are shown when the command ends.
            return self.pictures.append(value)
        made = table(value)
        if made is None:
            print(value)
        else:
            self.shown = made

    def command(self, code):
        self.count += 1
        self.shown, self.pictures = None, []
        result = {}
        try:
            value = run(code, self.namespace, f"<command-{self.count}>")
            if value is not None:
                self.namespace["_"] = value
                # A DataFrame of Spark is computed when it is asked to: by `display`.
                made = None if type(value).__module__.startswith("pyspark.") else table(value)
                if made is None:
                    text = repr(value)
                    result["text"] = text[:TEXT_CHARS_MAX]
                    result["truncated"] = len(text) > TEXT_CHARS_MAX
                else:
                    self.shown = made
            pictures, cut = images(self.pictures)
            result["images"] = pictures
            result["truncated"] = result.get("truncated", False) or cut
        except Exit as end:
            result["text"] = end.value
        except Restart:
            result["restart"] = True
        except SystemExit as end:
            # Ends the command, not the context.
            if end.code not in (None, 0):
                result["error"] = failure(end)
        except BaseException as error:
            result["error"] = failure(error)
            if isinstance(error, KeyboardInterrupt):
                interrupt_spark(self.namespace)
        if self.shown:
            result["table"] = self.shown
        return result


def hides(stream):
    """What is printed of secrets is hidden where it is written in one piece."""
    write = stream.write

    def hidden(text):
        write(hide(text) if HIDDEN and isinstance(text, str) else text)
        return len(text)

    stream.write = hidden


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def main():
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    connection = Connection(int(sys.argv[1]))
    os.set_inheritable(connection.socket.fileno(), False)
    sys.argv = [""]
    warnings.filterwarnings("ignore", message=".*non-interactive, and thus cannot be shown")
    # Of every import of PySpark; what it speaks of is tested with what is installed here.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    session = Session()
    biplane_workspace.install()
    hides(sys.stdout)
    hides(sys.stderr)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection.send(ready=True)
    while True:
        order = connection.receive()
        try:
            # An interrupt counts only while user code runs.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            connection.send(began=order["command"])
            result = session.command(order["code"])
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt as late:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            result = {"error": failure(late)}
        flush()
        if HIDDEN:
            pictures = result.pop("images", [])
            result = {**hide(result), "images": pictures}
        connection.send(done=order["command"], result=result)


if __name__ == "__main__":
    main()
