"""databricks-sdk: statement execution in all dispositions and formats, and the history of it."""

import io

import pyarrow as pa
import pytest
import requests
from databricks.sdk.errors import BadRequest, NotFound
from databricks.sdk.service.sql import (
    Disposition,
    ExecuteStatementRequestOnWaitTimeout,
    Format,
    QueryFilter,
    StatementParameterListItem,
    StatementState,
)

from server import until


@pytest.fixture
def run(w, server):
    def run(statement, **options):
        options = {"wait_timeout": "50s", "warehouse_id": server.warehouse_id, **options}
        return w.statement_execution.execute_statement(statement=statement, **options)

    return run


def fetch(link):
    assert "Authorization" not in (link.http_headers or {})
    answer = requests.get(link.external_link, headers=link.http_headers, timeout=30)
    answer.raise_for_status()
    return answer.content


def links(w, answer):
    """The content of every chunk, following the chain of links."""
    result = answer.result
    while result and result.external_links:
        link = result.external_links[0]
        yield fetch(link)
        if link.next_chunk_index is None:
            return
        result = w.statement_execution.get_statement_result_chunk_n(answer.statement_id, link.next_chunk_index)


def test_inline_json(run):
    answer = run("SELECT 1 AS one, 'x' AS text, CAST(NULL AS INT) AS nothing, CAST(1.50 AS DECIMAL(5,2)) AS price")
    assert answer.result.data_array == [["1", "x", None, "1.50"]]
    columns = answer.manifest.schema.columns
    assert [column.type_name.value for column in columns] == ["INT", "STRING", "INT", "DECIMAL"]
    assert (columns[3].type_precision, columns[3].type_scale, columns[3].type_text) == (5, 2, "DECIMAL(5,2)")
    assert answer.manifest.total_row_count == 1 and not answer.manifest.truncated


def test_external_json_csv_and_arrow(run, w):
    query = "SELECT id, id * 2 AS twice FROM range(100000)"
    for format in (Format.JSON_ARRAY, Format.CSV, Format.ARROW_STREAM):
        answer = run(query, disposition=Disposition.EXTERNAL_LINKS, format=format)
        assert answer.status.state == StatementState.SUCCEEDED, answer.status
        chunks = list(links(w, answer))
        assert len(chunks) == answer.manifest.total_chunk_count
        assert answer.manifest.total_row_count == 100000
        if format == Format.ARROW_STREAM:
            table = pa.concat_tables(pa.ipc.open_stream(io.BytesIO(chunk)).read_all() for chunk in chunks)
            assert table.num_rows == 100000
            assert sum(table["twice"].to_pylist()) == 100000 * 99999
        elif format == Format.CSV:
            assert chunks[0].decode().splitlines()[0].strip() == "id,twice"
        else:
            import json

            assert sum(len(json.loads(chunk)) for chunk in chunks) == 100000


def test_chunks_of_a_large_result_by_number(run, w):
    answer = run("SELECT id FROM range(300000)", disposition=Disposition.EXTERNAL_LINKS, format=Format.ARROW_STREAM)
    rows = 0
    for chunk in answer.manifest.chunks:
        data = w.statement_execution.get_statement_result_chunk_n(answer.statement_id, chunk.chunk_index)
        assert data.external_links[0].row_count == chunk.row_count
        rows += chunk.row_count
    assert rows == 300000


def test_parameters(run):
    answer = run(
        "SELECT :n + 1, upper(:t), :d, :missing",
        parameters=[
            StatementParameterListItem(name="n", value="41", type="INT"),
            StatementParameterListItem(name="t", value="o'x"),
            StatementParameterListItem(name="d", value="2024-02-29", type="DATE"),
            StatementParameterListItem(name="missing", type="INT"),
        ],
    )
    assert answer.result.data_array == [["42", "O'X", "2024-02-29", None]]


def test_limits_truncate(run):
    answer = run("SELECT id FROM range(1000)", row_limit=10)
    assert len(answer.result.data_array) == 10 and answer.manifest.truncated


def test_session_catalog_and_schema(run, schema, sql):
    catalog_name, schema_name = schema.split(".")
    sql(f"CREATE TABLE {schema}.here AS SELECT 7 AS n")
    answer = run("SELECT n, current_catalog(), current_schema() FROM here", catalog=catalog_name, schema=schema_name)
    assert answer.result.data_array == [["7", catalog_name, schema_name]]


def test_asynchronous_and_cancel(run, w):
    answer = run("SELECT count(*) FROM range(100000000000) a WHERE a.id % 7 = 3", wait_timeout="0s")
    assert answer.status.state in (StatementState.PENDING, StatementState.RUNNING)
    w.statement_execution.cancel_execution(answer.statement_id)
    final = until(lambda: (s := w.statement_execution.get_statement(answer.statement_id)).status.state not in (StatementState.PENDING, StatementState.RUNNING) and s)
    assert final.status.state == StatementState.CANCELED


def test_a_timeout_can_cancel(run):
    answer = run(
        "SELECT count(*) FROM range(100000000000) a WHERE a.id % 7 = 3", wait_timeout="5s",
        on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CANCEL,
    )
    assert answer.status.state == StatementState.CANCELED


@pytest.mark.parametrize(
    "statement, text, state",
    [
        ("SELECT * FROM main.default.nowhere", "[TABLE_OR_VIEW_NOT_FOUND]", "42P01"),
        ("SELEC 1", "[PARSE_SYNTAX_ERROR]", "42601"),
        ("SELECT nope FROM range(1)", "[UNRESOLVED_COLUMN", "42703"),
        ("SELECT CAST('x' AS INT)", "[CAST_INVALID_INPUT]", "22018"),
        ("SELECT 1/0", "[DIVIDE_BY_ZERO]", "22012"),
    ],
)
def test_errors_have_class_and_state(run, statement, text, state):
    answer = run(statement)
    assert answer.status.state == StatementState.FAILED
    assert text in answer.status.error.message
    assert answer.as_dict()["status"].get("sql_state", state) == state


def test_bad_requests(run, w, server):
    with pytest.raises(BadRequest):
        run("SELECT 1", wait_timeout="3s")
    with pytest.raises(BadRequest):
        run("SELECT 1", disposition=Disposition.INLINE, format=Format.CSV)
    with pytest.raises((BadRequest, NotFound)):
        run("SELECT 1", warehouse_id="0123456789abcdef")
    with pytest.raises(NotFound):
        w.statement_execution.get_statement("00000000-0000-4000-8000-000000000000")


def test_history(run, w, server):
    marker = "SELECT 'remember me' AS marker"
    statement = run(marker).statement_id
    wanted = QueryFilter(warehouse_ids=[server.warehouse_id], statement_ids=[statement])
    found = w.query_history.list(filter_by=wanted, include_metrics=True).res
    assert [query.query_text for query in found] == [marker]
    query = found[0]
    assert query.status.value == "FINISHED" and query.rows_produced == 1 and query.user_name == "admin@localhost"
    assert query.metrics.total_time_ms is not None


def test_a_query_over_the_same_data_is_answered_from_the_result_cache(run, w, server):
    run("CREATE OR REPLACE TABLE main.default.measured AS SELECT id FROM range(1000)")
    query = "SELECT sum(id) FROM main.default.measured"
    first, second = run(query), run(query)
    run("INSERT INTO main.default.measured VALUES (1000)")
    third = run(query)
    assert [ran.result.data_array for ran in (first, second, third)] == [[["499500"]], [["499500"]], [["500500"]]]

    def from_cache(ran):
        wanted = QueryFilter(warehouse_ids=[server.warehouse_id], statement_ids=[ran.statement_id])
        return w.query_history.list(filter_by=wanted, include_metrics=True).res[0].metrics.result_from_cache

    assert [bool(from_cache(ran)) for ran in (first, second, third)] == [False, True, False]
    run("DROP TABLE main.default.measured")
