"""A Biplane server of the suite: the built binary on its own directory, ports and database."""

import configparser
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import uuid
import weakref
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
# Where nodes keep what Python and Spark need: the same for every server, made once on this machine.
IMAGES = os.environ.get("BIPLANE_IMAGES_DIR") or os.path.expanduser("~/.cache/biplane/images")
# Of a server whose clusters run code, and which needs no sample tables.
WITH_CODE = {"BIPLANE_IMAGES_DIR": IMAGES, "BIPLANE_SAMPLES_SCALE": "0"}


def binary():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return os.environ.get("BIPLANE_BIN", str(target / "debug" / "biplane"))


def fresh_database(url):
    """A new, empty database on the PostgreSQL server of `url`."""
    import pg8000.native

    parts = urlsplit(url)
    name = f"conformance_{uuid.uuid4().hex}"
    admin = pg8000.native.Connection(
        parts.username or "postgres", host=parts.hostname, port=parts.port or 5432, password=parts.password, database=parts.path.strip("/") or "postgres"
    )
    admin.run(f"CREATE DATABASE {name}")
    admin.close()
    return urlunsplit(parts._replace(path=f"/{name}"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`start` again on the same directory keeps everything, the ports included."""

    def __init__(self, directory, *options, env=None):
        self.directory = Path(directory)
        self.options = options
        # External locations on local files may be made below here.
        self.external = self.directory / "external"
        self.external.mkdir()
        self.env = {**os.environ, "BIPLANE_SAMPLES_SCALE": "0.01", "BIPLANE_LOCAL_ROOTS": str(self.external), **(env or {})}
        if postgres := os.environ.get("BIPLANE_TEST_POSTGRES"):
            self.env["BIPLANE_DATABASE_URL"] = fresh_database(postgres)
        self.tls_port = free_port()
        self.listen = "127.0.0.1:0"
        self.process, self.connections = None, []
        self.start()

    def start(self):
        log = open(self.directory / "server.log", "ab")
        command = [binary(), "up", "--data-dir", str(self.directory / "data"), "--listen", self.listen, "--tls-listen", f"127.0.0.1:{self.tls_port}", *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=self.env)
        log.close()
        line = self.process.stdout.readline()
        if not line.startswith("ready http://"):
            raise RuntimeError(f"the server did not start: {line!r}\n{self.log_tail()}")
        self.url = line.split()[1]
        self.address = self.listen = self.url.removeprefix("http://")
        self._profile()

    def _profile(self):
        self.config_file = self.directory / "data" / "databrickscfg"
        config = configparser.ConfigParser(default_section="none")
        config.read(self.config_file)
        profile = config["DEFAULT"]
        self.token = profile["token"]
        self.warehouse_id = profile["warehouse_id"]
        self.workspace_id = profile.get("workspace_id")
        self.account_id = config["ACCOUNT"]["account_id"]
        self.http_path = f"/sql/1.0/warehouses/{self.warehouse_id}"

    @property
    def ca_file(self):
        """The certificate of the local authority."""
        return str(self.directory / "data" / "tls" / "ca.pem")

    def log_tail(self, lines=40):
        text = re.sub(r"\x1b\[\d*m", "", (self.directory / "server.log").read_text(errors="replace"))
        return "\n".join(text.splitlines()[-lines:])

    def connect(self, token=None, **options):
        """A connection of the SQL connector over Thrift and plain HTTP."""
        from databricks import sql

        options = {"http_path": self.http_path, "enable_telemetry": False, **options}
        options.setdefault("_connection_uri", f"{self.url}{options['http_path']}")
        connection = sql.connect(server_hostname="127.0.0.1", access_token=token or self.token, **options)
        self.connections.append(weakref.ref(connection))
        return connection

    def stop(self):
        # One that is collected later would try for a quarter of an hour to tell a server that is gone.
        for connection in filter(None, (reference() for reference in self.connections)):
            connection.session.is_open = False
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise


def until(condition, seconds=30, what="the condition"):
    """Polls until `condition()` is true; its value."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.05)


def temporary_directory():
    return tempfile.TemporaryDirectory(prefix="biplane-conformance-", ignore_cleanup_errors=True)
