"""One server for the whole run, clients on it, and a schema of its own for every test that writes."""

import itertools
import os

# Configuration of the machine must not leak into the clients.
for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
    del os.environ[name]

import pytest  # noqa: E402

from leaks import Leaks  # noqa: E402
from server import IMAGES, Server, temporary_directory  # noqa: E402

counter = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    with temporary_directory() as directory:
        server = Server(directory, env={"BIPLANE_IMAGES_DIR": IMAGES})
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def own_server():
    """A server that the test may stop and kill."""
    with temporary_directory() as directory:
        leaks = Leaks(directory)
        server = Server(directory, env={"BIPLANE_SAMPLES_SCALE": "0"})
        try:
            yield server
            leaks.note(server.process.pid)
        finally:
            server.stop()
        leaks.check()


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the server logged."""
    report = (yield).get_result()
    own = item.funcargs.get("own_server") or item.funcargs.get("faulty") or getattr(item.funcargs.get("site"), "server", None)
    server = own or item.funcargs.get("server")
    if report.failed and server is not None:
        report.sections.append(("server log", server.log_tail()))


@pytest.fixture(scope="session")
def w(server):
    """The workspace as its admin."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=server.url, token=server.token)


@pytest.fixture(scope="session")
def a(server):
    """The account as its admin."""
    from databricks.sdk import AccountClient

    return AccountClient(host=server.url, token=server.token, account_id=server.account_id)


@pytest.fixture(scope="session")
def connection(server):
    """One Thrift connection for tests that only read."""
    with server.connect() as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    with connection.cursor() as cursor:
        yield cursor


@pytest.fixture(scope="session")
def catalog(w):
    """A catalog for what the tests make."""
    w.catalogs.create(name="conformance")
    return "conformance"


@pytest.fixture
def schema(w, catalog):
    """`catalog.schema`, new for every test."""
    return w.schemas.create(name=f"s{next(counter)}", catalog_name=catalog).full_name


@pytest.fixture
def sql(w, server):
    """Runs a statement by REST and gives its rows."""
    from databricks.sdk.service.sql import StatementState

    def run(statement, client=None, **options):
        answer = (client or w).statement_execution.execute_statement(
            statement=statement, warehouse_id=server.warehouse_id, wait_timeout="50s", **options
        )
        if answer.status.state != StatementState.SUCCEEDED:
            error = answer.status.error
            raise RuntimeError(f"{answer.status.state}: {error.message if error else None}")
        return answer.result.data_array or [] if answer.result else []

    return run


class Person:
    """A second user, without any rights of their own."""

    def __init__(self, server, name, token):
        from databricks.sdk import WorkspaceClient

        self.name, self.token = name, token
        self.client = WorkspaceClient(host=server.url, token=token)


@pytest.fixture(scope="session")
def robot(w, server):
    """A service principal without rights, with a token made on its behalf."""
    principal = w.service_principals.create(display_name="robot", active=True)
    token = w.token_management.create_obo_token(application_id=principal.application_id, comment="conformance", lifetime_seconds=3600)
    return Person(server, principal.application_id, token.token_value)
