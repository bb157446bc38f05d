"""What clusters are prepared with, with the unmodified SDK on hosts of this machine: libraries, on every Python context and
again after a restart; init scripts; secrets."""

import base64
import io
import zipfile

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, NotImplemented
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.compute import (
    ClusterLogConf,
    EventType,
    InitScriptInfo,
    Language,
    Library,
    LibraryInstallStatus,
    MavenLibrary,
    PythonPyPiLibrary,
    ResultType,
    State,
    TerminationReasonCode,
    VolumesStorageInfo,
    WorkspaceStorageInfo,
)
from databricks.sdk.service.workspace import AclPermission, ImportFormat

from server import WITH_CODE, Server, temporary_directory, until
from test_inside import index, open_names  # noqa: F401, a fixture

PLACE = "/Volumes/main/default/prepared"


def wheel(name, version, text):
    """A package of one module."""
    held = io.BytesIO()
    module, about = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(f"{module}.py", text)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return held.getvalue()


@pytest.fixture(scope="module")
def site(index):  # noqa: F811
    services = f"com.amazonaws.vpce.svc-index=127.0.0.1:{index},com.amazonaws.vpce.svc-store=127.0.0.1:{index}"
    with temporary_directory() as scratch:
        server = Server(scratch, env={**WITH_CODE, "BIPLANE_ENDPOINT_SERVICES": services})
        try:
            open_names(server)
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def client(site):
    made = WorkspaceClient(host=site.url, token=site.token)
    made.volumes.create(catalog_name="main", schema_name="default", name="prepared", volume_type=VolumeType.MANAGED)
    return made


def put(client, name, content):
    path = f"{PLACE}/{name}"
    client.files.upload(path, io.BytesIO(content if isinstance(content, bytes) else content.encode()), overwrite=True)
    return path


def basics(client, **more):
    return {
        "cluster_name": "prepared",
        "spark_version": client.clusters.select_spark_version(long_term_support=True),
        "node_type_id": client.clusters.select_node_type(),
        "num_workers": 0,
        **more,
    }


@pytest.fixture(scope="module")
def cluster(client):
    made = client.clusters.create(**basics(client)).response.cluster_id
    yield made
    client.clusters.permanent_delete(made)


def state(client, id):
    return client.clusters.get(id).state


def running(client, id):
    def runs():
        seen = client.clusters.get(id)
        assert seen.state != State.TERMINATED, seen.termination_reason
        return seen.state == State.RUNNING

    until(runs, seconds=120, what="the cluster")


def statuses(client, id):
    return {json_of(one.library): one for one in client.libraries.cluster_status(id)}


def json_of(library):
    return str(sorted(library.as_dict().items()))


def settled(client, id):
    """When nothing is to come."""
    ends = (LibraryInstallStatus.INSTALLED, LibraryInstallStatus.FAILED, LibraryInstallStatus.UNINSTALL_ON_RESTART)

    def done():
        found = statuses(client, id)
        return found if all(one.status in ends for one in found.values()) else None

    return until(done, seconds=300, what="the libraries")


class Context:
    def __init__(self, client, cluster):
        self.api, self.cluster = client.command_execution, cluster
        self.id = self.api.create(cluster_id=cluster, language=Language.PYTHON).response.id
        until(lambda: self.api.context_status(cluster, self.id).status.value == "Running", seconds=120, what="the context")

    def run(self, code):
        command = self.api.execute(cluster_id=self.cluster, context_id=self.id, language=Language.PYTHON, command=code).command_id

        def done():
            answer = self.api.command_status(self.cluster, self.id, command)
            return answer if answer.status.value in ("Finished", "Error") else None

        return until(done, seconds=90, what="the command").results

    def text(self, code):
        results = self.run(code)
        assert results.result_type == ResultType.TEXT, results.cause
        return results.data


def test_libraries_are_seen_by_every_context_and_come_back(client, cluster, index):  # noqa: F811
    whl = Library(whl=put(client, "from_volume-1.0-py3-none-any.whl", wheel("from-volume", "1.0", "WORD = 'volume'\n")))
    shared = "/Workspace/Shared/from_workspace-1.0-py3-none-any.whl"
    client.workspace.upload(shared, wheel("from-workspace", "1.0", "WORD = 'shared'\n"), format=ImportFormat.RAW)
    of_workspace = Library(whl=shared)
    url = f"http://index.corp.invalid:{index}/simple"
    requirements = Library(requirements=put(client, "requirements.txt", f"--index-url {url}\n--trusted-host index.corp.invalid\ninside-only==1.0\n"))
    package = Library(pypi=PythonPyPiLibrary(package="inside-only", repo=url))
    missing = Library(pypi=PythonPyPiLibrary(package="not-there-at-all", repo=url))
    running(client, cluster)
    before = Context(client, cluster)
    assert "ModuleNotFoundError" in before.run("import from_volume").cause
    client.libraries.install(cluster, [whl, of_workspace, requirements, package, missing])
    found = settled(client, cluster)
    for one in (whl, of_workspace, requirements, package):
        assert found[json_of(one)].status == LibraryInstallStatus.INSTALLED, found[json_of(one)].messages
    failed = found[json_of(missing)]
    assert failed.status == LibraryInstallStatus.FAILED and "not-there-at-all" in failed.messages[0]
    after = Context(client, cluster)
    for context in (before, after):
        assert context.text("import from_volume, from_workspace, inside_only\nfrom_volume.WORD + from_workspace.WORD + inside_only.WORD") == "'volumesharedinstalled'"
    # Code of users reads it and cannot change it.
    assert "Read-only" in after.run("open(from_volume.__file__, 'w')").cause
    assert [one.cluster_id for one in client.libraries.all_cluster_statuses()] == [cluster]
    client.libraries.uninstall(cluster, [package, requirements, missing, of_workspace])
    assert statuses(client, cluster)[json_of(package)].status == LibraryInstallStatus.UNINSTALL_ON_RESTART
    client.clusters.restart(cluster)
    running(client, cluster)
    found = settled(client, cluster)
    assert list(found) == [json_of(whl)]
    context = Context(client, cluster)
    assert context.text("import from_volume\nfrom_volume.WORD") == "'volume'"
    assert "ModuleNotFoundError" in context.run("import inside_only").cause


def test_what_cannot_be_installed_is_refused(client, cluster):
    for library in (Library(jar="/Volumes/a/b/c/d.jar"), Library(maven=MavenLibrary(coordinates="a:b:1"))):
        with pytest.raises(NotImplemented):
            client.libraries.install(cluster, [library])
    for place in (PLACE, "/Workspace/Shared"):
        with pytest.raises(NotFound):
            client.libraries.install(cluster, [Library(whl=f"{place}/missing-1-py3-none-any.whl")])
    with pytest.raises(BadRequest):
        client.libraries.install(cluster, [Library()])


def test_init_scripts_run_before_a_cluster_is_used(client, index):  # noqa: F811
    scope = "prepared"
    client.secrets.create_scope(scope)
    client.secrets.put_secret(scope, "word", string_value="hush-hush")
    script = put(
        client,
        "init.sh",
        f"""#!/bin/bash
set -euo pipefail
pip install --index-url http://index.corp.invalid:{index}/simple --trusted-host index.corp.invalid inside-only
echo "$DB_CLUSTER_ID $DB_IS_DRIVER $GREETING ${{#WORD}}" > "$BIPLANE_CLUSTER_DIR/told.txt"
""",
    )
    env = {"GREETING": "hello", "WORD": "{{secrets/prepared/word}}"}
    own = f"/Users/{client.current_user.me().user_name}/second.sh"
    client.workspace.upload(own, b'echo second >> "$BIPLANE_CLUSTER_DIR/told.txt"\n', format=ImportFormat.AUTO)
    scripts = [InitScriptInfo(volumes=VolumesStorageInfo(destination=script)), InitScriptInfo(workspace=WorkspaceStorageInfo(destination=own))]
    everywhere = client.global_init_scripts.create("first", base64.b64encode(b'echo first > "$BIPLANE_CLUSTER_DIR/first.txt"').decode(), enabled=True)
    id = client.clusters.create(**basics(client, init_scripts=scripts, spark_env_vars=env)).response.cluster_id
    try:
        running(client, id)
        context = Context(client, id)
        place = "import os\nplace = os.environ['BIPLANE_CLUSTER_DIR']\n"
        assert context.text(place + "print(open(place + '/told.txt').read(), open(place + '/first.txt').read())") == f"{id} TRUE hello 9\nsecond\n first\n\n"
        assert context.text("import inside_only\ninside_only.WORD") == "'installed'"
        seen = client.clusters.get(id)
        assert seen.spark_env_vars == env and "hush" not in str(seen.as_dict())
        events = {event.type: event for event in client.clusters.events(id)}
        details = events[EventType.INIT_SCRIPTS_FINISHED].details.init_scripts
        assert [one.status.value for one in details.global_ + details.cluster] == ["SUCCEEDED"] * 3
        # Programs have the secret, and nobody is shown it.
        assert context.text("import os\nlen(os.environ['WORD'])") == "9"
        assert context.text("print(os.environ['WORD'])") == "[REDACTED]\n"
        assert context.text("dbutils.secrets.get('prepared', 'word')") == "'[REDACTED]'"
        assert context.text("[one.key for one in dbutils.secrets.list('prepared')], [one.name for one in dbutils.secrets.listScopes()]") == "(['word'], ['prepared'])"
    finally:
        client.clusters.permanent_delete(id)
        client.global_init_scripts.delete(everywhere.script_id)


def test_a_failing_script_ends_the_cluster(client):
    script = put(client, "fails.sh", "echo to nobody\necho this went wrong >&2\nexit 3\n")
    id = client.clusters.create(**basics(client, init_scripts=[InitScriptInfo(volumes=VolumesStorageInfo(destination=script))])).response.cluster_id
    until(lambda: state(client, id) == State.TERMINATED, seconds=120, what="the end of the cluster")
    reason = client.clusters.get(id).termination_reason
    assert reason.code == TerminationReasonCode.INIT_SCRIPT_FAILURE
    assert script in reason.parameters["databricks_error_message"] and "this went wrong" in reason.parameters["databricks_error_message"]
    client.clusters.permanent_delete(id)


def test_secrets(client):
    client.secrets.create_scope("own")
    client.secrets.put_secret("own", "text", string_value="a word")
    client.secrets.put_secret("own", "bytes", bytes_value=base64.b64encode(b"\0\1").decode())
    assert base64.b64decode(client.secrets.get_secret("own", "bytes").value) == b"\0\1"
    assert client.dbutils.secrets.get("own", "text") == "a word"
    assert [one.key for one in client.secrets.list_secrets("own")] == ["bytes", "text"]
    client.secrets.put_acl("own", "users", AclPermission.READ)
    assert ("users", AclPermission.READ) in [(one.principal, one.permission) for one in client.secrets.list_acls("own")]
    client.secrets.delete_acl("own", "users")
    client.secrets.delete_secret("own", "text")
    with pytest.raises(NotFound):
        client.secrets.get_secret("own", "text")
    client.secrets.delete_scope("own")
    assert "own" not in [one.name for one in client.secrets.list_scopes()]


def test_logs_are_delivered(client):
    import requests

    script = put(client, "says.sh", "echo from the script\n")
    logs = ClusterLogConf(volumes=VolumesStorageInfo(destination=f"{PLACE}/logs"))
    scripts = [InitScriptInfo(volumes=VolumesStorageInfo(destination=script))]
    id = client.clusters.create(**basics(client, init_scripts=scripts, cluster_log_conf=logs)).response.cluster_id
    running(client, id)
    Context(client, id).run("print('from', 'a command')")
    read = {"stream": "stdout", "cursor": 0}
    answer = requests.get(f"{client.config.host}/api/2.0/biplane/clusters/{id}/log", params=read, headers=client.config.authenticate(), timeout=30)
    assert answer.json()["text"] == "from a command\n"
    client.clusters.delete(id)
    until(lambda: state(client, id) == State.TERMINATED, seconds=60, what="the end of the cluster")

    def text(name):
        return client.files.download(f"{PLACE}/logs/{id}/{name}").contents.read().decode()

    assert text("driver/stdout") == "from a command\n"
    assert "RUNNING" in text("driver/log4j-active.log") and text("driver/stderr") is not None
    (folder,) = client.files.list_directory_contents(f"{PLACE}/logs/{id}/init_scripts")
    (file,) = client.files.list_directory_contents(folder.path)
    assert file.name.endswith("says.sh.stdout.log")
    assert client.files.download(file.path).contents.read() == b"from the script\n"
    assert client.clusters.get(id).cluster_log_status.last_exception is None
    client.clusters.permanent_delete(id)
