"""databricks-sql-connector over Thrift."""

import datetime
import decimal
import io
import threading
import time

import pyarrow as pa
import pytest
from databricks.sql.exc import Error, ServerOperationError
from databricks.sql.parameters import ArrayParameter, BigIntegerParameter, MapParameter

from server import until

ALL_TYPES = """
SELECT true AS b, CAST(1 AS TINYINT) AS i8, CAST(2 AS SMALLINT) AS i16, 3 AS i32, CAST(4 AS BIGINT) AS i64,
  CAST(1.5 AS FLOAT) AS f32, CAST(2.5 AS DOUBLE) AS f64, CAST(12.34 AS DECIMAL(10,2)) AS d, 'täxt' AS s,
  CAST('bin' AS BINARY) AS bin, DATE'2024-02-29' AS day, TIMESTAMP'2024-02-29 12:34:56.789' AS ts,
  CAST(NULL AS INT) AS nothing, array(1, 2) AS a, map('k', 1) AS m, named_struct('x', 1, 'y', 'z') AS st
"""


def test_select_one(cursor):
    cursor.execute("SELECT 1 AS one")
    assert cursor.fetchall() == [(1,)]
    assert cursor.description[0][:2] == ("one", "int")


def test_all_types(cursor):
    cursor.execute(ALL_TYPES)
    row = cursor.fetchone()
    assert (row.b, row.i8, row.i16, row.i32, row.i64, row.f32, row.f64) == (True, 1, 2, 3, 4, 1.5, 2.5)
    assert (row.d, row.s, row.bin, row.day, row.nothing) == (decimal.Decimal("12.34"), "täxt", b"bin", datetime.date(2024, 2, 29), None)
    assert row.ts.replace(tzinfo=None) == datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)
    assert list(row.a) == [1, 2] and dict(row.m) == {"k": 1} and dict(row.st) == {"x": 1, "y": "z"}
    types = {column[0]: column[1] for column in cursor.description}
    assert types == {
        "b": "boolean", "i8": "tinyint", "i16": "smallint", "i32": "int", "i64": "bigint", "f32": "float",
        "f64": "double", "d": "decimal", "s": "string", "bin": "binary", "day": "date", "ts": "timestamp",
        "nothing": "int", "a": "array", "m": "map", "st": "struct",
    }
    assert [column[4:6] for column in cursor.description if column[0] == "d"] == [(10, 2)]


def test_types_come_the_same_from_a_table(cursor, schema):
    cursor.execute(f"CREATE TABLE {schema}.types AS {ALL_TYPES.replace('CAST(NULL AS INT)', 'CAST(7 AS INT)')}")
    cursor.execute(f"SELECT * FROM {schema}.types")
    table = cursor.fetchall_arrow()
    assert table.schema.field("d").type == pa.decimal128(10, 2)
    assert table["s"].to_pylist() == ["täxt"] and table["nothing"].to_pylist() == [7]
    assert table["st"].to_pylist() == [{"x": 1, "y": "z"}]


def test_arrow_and_batches(cursor):
    cursor.execute("SELECT id FROM range(25000) ORDER BY id")
    first = cursor.fetchmany_arrow(10)
    assert first["id"].to_pylist() == list(range(10))
    rest = cursor.fetchall_arrow()
    assert rest.num_rows == 24990 and rest["id"][0].as_py() == 10


def test_an_empty_result_has_its_columns(cursor):
    cursor.execute("SELECT id, 'x' AS x FROM range(10) WHERE id < 0")
    assert cursor.fetchall() == []
    assert [column[0] for column in cursor.description] == ["id", "x"]


@pytest.mark.parametrize("cloud_fetch", [True, False])
@pytest.mark.parametrize("lz4", [True, False])
def test_a_million_rows(server, cloud_fetch, lz4):
    with server.connect(use_cloud_fetch=cloud_fetch, enable_query_result_lz4_compression=lz4) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, id % 1000 AS small, concat('row ', id) AS text FROM range(1000000)")
            table = cursor.fetchall_arrow()
    assert table.num_rows == 1_000_000
    assert len(set(table["id"].to_pylist())) == 1_000_000
    assert table["text"][999_999].as_py().startswith("row ")


def test_rows_of_cloud_fetch_are_whole_and_in_order(server):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, repeat('x', 40) AS filler FROM range(400000) ORDER BY id")
        seen = 0
        while rows := cursor.fetchmany(50_000):
            assert rows[0].id == seen and rows[-1].id == seen + len(rows) - 1
            seen += len(rows)
        assert seen == 400_000


def test_no_arrow_gets_columns(server, monkeypatch):
    import databricks.sql.backend.thrift_backend as backend
    import databricks.sql.result_set as result_set

    monkeypatch.setattr(backend, "pyarrow", None)
    monkeypatch.setattr(result_set, "pyarrow", None)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, CAST(id AS DOUBLE) / 2 AS half, CASE WHEN id % 2 = 0 THEN 'even' END AS parity, CAST(id AS DECIMAL(10,2)) AS d "
            "FROM range(30) ORDER BY id"
        )
        rows = cursor.fetchall()
    assert [row[0] for row in rows] == list(range(30))
    assert rows[3][1] == 1.5 and rows[3][2] is None and rows[4][2] == "even"
    assert decimal.Decimal(rows[5][3]) == decimal.Decimal("5.00")


def test_named_parameters(cursor):
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5)
    values = {"i": 7, "f": 0.5, "s": "it's", "b": True, "d": datetime.date(2024, 1, 2), "t": moment, "n": None, "c": decimal.Decimal("1.25")}
    cursor.execute("SELECT :i + 1 AS i, :f AS f, :s AS s, :b AS b, :d AS d, :t AS t, :n AS n, :c AS c", values)
    row = cursor.fetchone()
    assert (row.i, row.s, row.b, row.d, row.n) == (8, "it's", True, datetime.date(2024, 1, 2), None)
    assert abs(row.f - 0.5) < 1e-6 and row.c == decimal.Decimal("1.25")
    assert row.t.replace(tzinfo=None) == moment


def test_positional_parameters_in_order(cursor):
    cursor.execute("SELECT ?, ?, ?", ["first", 2, None])
    assert tuple(cursor.fetchone()) == ("first", 2, None)


def test_array_and_map_parameters(cursor):
    parameters = [ArrayParameter(name="a", value=[1, 2, 3]), MapParameter(name="m", value={"k": "v"}), BigIntegerParameter(name="n", value=1 << 40)]
    cursor.execute("SELECT :a AS a, :m AS m, :n AS n", parameters=parameters)
    row = cursor.fetchone()
    assert list(row.a) == [1, 2, 3] and dict(row.m) == {"k": "v"} and row.n == 1 << 40


def test_statements_without_a_result_set(cursor, schema):
    cursor.execute(f"CREATE TABLE {schema}.t (n INT)")
    assert cursor.fetchall() == []
    cursor.execute(f"INSERT INTO {schema}.t VALUES (1), (2), (3)")
    assert cursor.rowcount == 3
    cursor.execute(f"UPDATE {schema}.t SET n = n + 10 WHERE n > 1")
    assert cursor.rowcount == 2
    cursor.execute(f"DELETE FROM {schema}.t WHERE n = 1")
    assert cursor.rowcount == 1
    cursor.execute(f"SELECT n FROM {schema}.t ORDER BY n")
    assert [row.n for row in cursor.fetchall()] == [12, 13]


def test_initial_catalog_schema_and_configuration(server, schema):
    catalog_name, schema_name = schema.split(".")
    configuration = {"ansi_mode": "true", "timezone": "Europe/Rome", "unheard_of": "1", "QUERY_TAGS": "team:conformance"}
    with server.connect(catalog=catalog_name, schema=schema_name, session_configuration=configuration) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_catalog(), current_schema()")
            assert tuple(cursor.fetchone()) == (catalog_name, schema_name)
            cursor.execute("CREATE TABLE here AS SELECT 1 AS n")
            cursor.execute("USE main.default")
            cursor.execute("SELECT current_catalog(), current_schema()")
            assert tuple(cursor.fetchone()) == ("main", "default")
            cursor.execute(f"SELECT n FROM {schema}.here")
            assert cursor.fetchall() == [(1,)]


def test_a_session_may_begin_in_a_schema_that_it_makes(server, schema):
    catalog_name = schema.split(".")[0]
    with server.connect(catalog=catalog_name, schema="made_later") as connection, connection.cursor() as cursor:
        with pytest.raises(ServerOperationError, match="NOT_FOUND"):
            cursor.execute("CREATE TABLE here AS SELECT 1 AS n")
        cursor.execute("CREATE SCHEMA made_later")
        cursor.execute("CREATE TABLE here AS SELECT 1 AS n")
        cursor.execute(f"SELECT n FROM {catalog_name}.made_later.here")
        assert cursor.fetchall() == [(1,)]


def test_an_unknown_initial_catalog_is_an_error(server):
    with pytest.raises(Error, match="nowhere"):
        with server.connect(catalog="nowhere") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")


def test_temporary_views_belong_to_the_session(server):
    with server.connect() as one, server.connect() as other:
        with one.cursor() as mine, other.cursor() as theirs:
            mine.execute("CREATE TEMPORARY VIEW mine AS SELECT 5 AS n")
            mine.execute("SELECT n FROM mine")
            assert mine.fetchall() == [(5,)]
            with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
                theirs.execute("SELECT n FROM mine")


@pytest.mark.parametrize(
    "statement, text",
    [
        ("SELECT * FROM main.default.nowhere", r"\[TABLE_OR_VIEW_NOT_FOUND\]"),
        ("SELEC 1", r"\[PARSE_SYNTAX_ERROR\]"),
        ("SELECT 1/0", r"\[DIVIDE_BY_ZERO\]"),
        ("CREATE SCHEMA nowhere.s", "nowhere"),
    ],
)
def test_errors_carry_their_class(cursor, statement, text):
    with pytest.raises(ServerOperationError, match=text):
        cursor.execute(statement)
        cursor.fetchall()
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == [(1,)]


def test_an_error_in_the_middle_of_a_result(cursor):
    with pytest.raises(Error, match="CAST_INVALID_INPUT|DIVIDE_BY_ZERO"):
        cursor.execute("SELECT 1 / (id - 399999) FROM range(400000)")
        cursor.fetchall()


def test_cancel_from_another_thread(server):
    with server.connect() as connection, connection.cursor() as cursor:
        caught = []

        def run():
            try:
                cursor.execute("SELECT count(*) FROM range(100000000000) a WHERE a.id % 7 = 3")
                cursor.fetchall()
            except Exception as error:
                caught.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        until(lambda: cursor.active_command_id, what="a running statement")
        # It shares a lock with the thread that polls, so it takes a poll or a few.
        cursor.cancel()
        thread.join(60)
        assert not thread.is_alive() and caught


def test_asynchronous_execution(server):
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute_async("SELECT count(*) AS n FROM range(3000000)")
        until(lambda: not cursor.is_query_pending())
        cursor.get_async_execution_result()
        assert cursor.fetchall() == [(3_000_000,)]


def test_metadata(cursor, schema):
    catalog_name, schema_name = schema.split(".")
    cursor.execute(f"CREATE TABLE {schema}.meta_t (id BIGINT NOT NULL COMMENT 'the key', price DECIMAL(10,2), tags ARRAY<STRING>) COMMENT 'about it'")
    cursor.execute(f"CREATE VIEW {schema}.meta_v AS SELECT 1 AS one")
    cursor.catalogs()
    assert catalog_name in [row.TABLE_CAT for row in cursor.fetchall()]
    cursor.schemas(catalog_name=catalog_name, schema_name="s%")
    assert (schema_name, catalog_name) in [(row.TABLE_SCHEM, row.TABLE_CATALOG) for row in cursor.fetchall()]
    cursor.tables(catalog_name=catalog_name, schema_name=schema_name)
    found = {row.TABLE_NAME: (row.TABLE_TYPE, row.REMARKS) for row in cursor.fetchall()}
    assert found["meta_t"] == ("TABLE", "about it") and found["meta_v"][0] == "VIEW"
    cursor.tables(catalog_name=catalog_name, schema_name=schema_name, table_types=["VIEW"])
    assert [row.TABLE_NAME for row in cursor.fetchall()] == ["meta_v"]
    cursor.tables(catalog_name=catalog_name, schema_name=schema_name, table_name="meta\\_t")
    assert [row.TABLE_NAME for row in cursor.fetchall()] == ["meta_t"]
    cursor.columns(catalog_name=catalog_name, schema_name=schema_name, table_name="meta_t")
    columns = cursor.fetchall()
    assert [(c.COLUMN_NAME, c.TYPE_NAME, c.DATA_TYPE, c.IS_NULLABLE) for c in columns] == [
        ("id", "BIGINT", -5, "NO"), ("price", "DECIMAL(10,2)", 3, "YES"), ("tags", "ARRAY<STRING>", 2003, "YES"),
    ]
    assert columns[0].REMARKS == "the key" and columns[1].DECIMAL_DIGITS == 2


def test_metadata_shows_nothing_without_rights(server, robot, w, schema, sql):
    from databricks.sdk.service import iam

    sql(f"CREATE TABLE {schema}.hidden (n INT)")
    access = iam.AccessControlRequest(service_principal_name=robot.name, permission_level=iam.PermissionLevel.CAN_USE)
    w.permissions.update("warehouses", server.warehouse_id, access_control_list=[access])
    with server.connect(token=robot.token) as connection, connection.cursor() as cursor:
        cursor.tables(catalog_name=schema.split(".")[0])
        assert cursor.fetchall() == []
        with pytest.raises(ServerOperationError, match="PERMISSION|NOT_FOUND"):
            cursor.execute(f"SELECT * FROM {schema}.hidden")


def test_metadata_of_the_information_schema(cursor, catalog):
    cursor.schemas(catalog_name=catalog)
    assert "information_schema" in [row.TABLE_SCHEM for row in cursor.fetchall()]
    cursor.tables(catalog_name=catalog, schema_name="information_schema", table_name="table%")
    tables = {row.TABLE_NAME: row.TABLE_TYPE for row in cursor.fetchall()}
    assert tables["tables"] == "VIEW" and "columns" not in tables
    cursor.columns(catalog_name=catalog, schema_name="information_schema", table_name="schemata")
    columns = [row.COLUMN_NAME for row in cursor.fetchall()]
    cursor.execute(f"SELECT * FROM {catalog}.information_schema.schemata LIMIT 1")
    assert columns == [column[0] for column in cursor.description]


def exchange(connection, cursor, w, directory, volume):
    """PUT, GET and REMOVE of a file, as the connector does them."""
    (directory / "up.csv").write_bytes(b"a,b\n1,2\n" * 1000)
    path = f"{volume}/dir/it is.csv"
    cursor.execute(f"PUT '{directory}/up.csv' INTO '{path}' OVERWRITE")
    assert w.files.download(path).contents.read() == (directory / "up.csv").read_bytes()
    with pytest.raises(Error, match="FILE_IN_STAGING_PATH_ALREADY_EXISTS"):
        cursor.execute(f"PUT '{directory}/up.csv' INTO '{path}'")
    cursor.execute(f"GET '{path}' TO '{directory}/down.csv'")
    assert (directory / "down.csv").read_bytes() == (directory / "up.csv").read_bytes()
    cursor.execute(f"REMOVE '{path}'")
    with pytest.raises(Error, match="unsuccessful: 404"):
        cursor.execute(f"GET '{path}' TO '{directory}/gone.csv'")
    with pytest.raises(Error, match="EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY"):
        cursor.execute(f"PUT '' INTO '{path}'")
    with pytest.raises(Error, match="restricted to paths"):
        cursor.execute(f"PUT '/etc/hostname' INTO '{path}'")
    cursor.execute("SELECT 1")
    assert cursor.fetchall()[0][0] == 1


@pytest.fixture
def volume(w, schema):
    from databricks.sdk.service.catalog import VolumeType

    catalog_name, schema_name = schema.split(".")
    w.volumes.create(catalog_name, schema_name, "stage", VolumeType.MANAGED)
    return f"/Volumes/{catalog_name}/{schema_name}/stage"


def test_files_are_staged_on_volumes(server, w, tmp_path, volume):
    with server.connect(staging_allowed_local_path=str(tmp_path)) as connection, connection.cursor() as cursor:
        exchange(connection, cursor, w, tmp_path, volume)
        stream = io.BytesIO(b"streamed")
        cursor.execute(f"PUT '__input_stream__' INTO '{volume}/s' OVERWRITE", input_stream=stream)
        assert w.files.download(f"{volume}/s").contents.read() == b"streamed"


def test_files_are_staged_by_the_statement_api(server, w, tmp_path, volume):
    from databricks import sql

    host, port = server.url.rsplit(":", 1)
    with sql.connect(
        server_hostname=host, _port=int(port), http_path=server.http_path, access_token=server.token, use_sea=True,
        staging_allowed_local_path=str(tmp_path), enable_telemetry=False,
    ) as connection, connection.cursor() as cursor:
        exchange(connection, cursor, w, tmp_path, volume)


def test_staging_follows_the_rights_of_the_volume(server, robot, w, tmp_path, volume):
    from databricks.sdk.service import iam

    w.files.upload(f"{volume}/secret", io.BytesIO(b"secret"))
    access = iam.AccessControlRequest(service_principal_name=robot.name, permission_level=iam.PermissionLevel.CAN_USE)
    w.permissions.update("warehouses", server.warehouse_id, access_control_list=[access])
    with server.connect(token=robot.token, staging_allowed_local_path=str(tmp_path)) as connection, connection.cursor() as cursor:
        for statement in (f"GET '{volume}/secret' TO '{tmp_path}/x'", f"REMOVE '{volume}/secret'", f"GET 'stage://tmp/x' TO '{tmp_path}/x'"):
            with pytest.raises(ServerOperationError, match="PERMISSION|NOT_FOUND|INVALID_STAGING_PATH"):
                cursor.execute(statement)
    assert w.files.download(f"{volume}/secret").contents.read() == b"secret"


def test_many_cursors_at_once(server):
    failures = []

    def work(number):
        try:
            with server.connect() as connection, connection.cursor() as cursor:
                for turn in range(5):
                    cursor.execute(f"SELECT {number} AS a, {turn} AS b, count(*) AS c FROM range(1000)")
                    assert tuple(cursor.fetchone()) == (number, turn, 1000)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures and not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("path", ["/sql/1.0/endpoints/{}", "/sql/protocolv1/o/{ws}/{}", "/sql/1.0/warehouses/{}?o={ws}"])
def test_other_paths_of_a_warehouse(server, path):
    http_path = path.format(server.warehouse_id, ws=server.workspace_id)
    with server.connect(http_path=http_path) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]


def test_unknown_compute_and_bad_tokens_fail_at_once(server):
    for options in ({"http_path": "/sql/1.0/warehouses/ffffffffffffffff"}, {"token": "dapi" + "0" * 32}):
        started = time.monotonic()
        with pytest.raises(Error):
            server.connect(**options)
        assert time.monotonic() - started < 30, "the connector retries after a minute"


def test_over_tls(server):
    from databricks import sql

    with sql.connect(
        server_hostname="127.0.0.1", _port=server.tls_port, http_path=server.http_path, access_token=server.token,
        _tls_trusted_ca_file=server.ca_file, enable_telemetry=False,
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(200000)")
            assert cursor.fetchall_arrow().num_rows == 200_000


def test_credentials_of_the_sdk(server, w, a):
    from databricks import sql
    from databricks.sdk.core import Config, oauth_service_principal
    from databricks.sdk.service import iam

    principal = w.service_principals.create(display_name="connector")
    secret = a.service_principal_secrets.create(service_principal_id=principal.id).secret
    access = iam.AccessControlRequest(service_principal_name=principal.application_id, permission_level=iam.PermissionLevel.CAN_USE)
    w.permissions.update("warehouses", server.warehouse_id, access_control_list=[access])
    config = Config(host=server.url, client_id=principal.application_id, client_secret=secret)
    with sql.connect(
        server_hostname="127.0.0.1", http_path=server.http_path, credentials_provider=lambda: oauth_service_principal(config),
        _connection_uri=server.url + server.http_path, enable_telemetry=False,
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user()")
            assert cursor.fetchall() == [(principal.application_id,)]


@pytest.mark.parametrize("cloud_fetch", [True, False])
def test_use_sea(server, cloud_fetch):
    from databricks import sql

    host, port = server.url.rsplit(":", 1)
    with sql.connect(
        server_hostname=host, _port=int(port), http_path=server.http_path, access_token=server.token, use_sea=True,
        use_cloud_fetch=cloud_fetch, session_configuration={"ansi_mode": "true"}, catalog="main", schema="default", enable_telemetry=False,
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 AS one, 'x' AS x, CAST(1.5 AS DECIMAL(3,1)) AS d")
            assert tuple(cursor.fetchone()) == (1, "x", decimal.Decimal("1.5"))
            cursor.execute("SELECT :n + 1", {"n": 1})
            assert cursor.fetchall() == [(2,)]
            cursor.execute("SELECT id FROM range(200000)")
            assert len(cursor.fetchall()) == 200_000
            cursor.execute("SELECT current_catalog(), current_schema()")
            assert tuple(cursor.fetchone()) == ("main", "default")
            with pytest.raises(Error, match="TABLE_OR_VIEW_NOT_FOUND"):
                cursor.execute("SELECT * FROM main.default.nowhere")
            cursor.catalogs()
            assert "main" in [row[0] for row in cursor.fetchall()]
            cursor.schemas(catalog_name="main", schema_name="def%")
            assert "default" in [row[0] for row in cursor.fetchall()]
            cursor.tables(catalog_name="main", schema_name="default", table_name="%")
            cursor.fetchall()
