"""System tables: what happened, by SQL; for admins first, for others by GRANT."""

import datetime
import uuid

import pytest
from databricks.sql.exc import ServerOperationError

from server import until


def rows(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchall()


def test_they_are_listed_and_described(cursor, w):
    schemas = {row[0] for row in rows(cursor, "SHOW SCHEMAS IN system")}
    assert {"access", "compute", "query", "information_schema"} <= schemas
    tables = {row[1] for row in rows(cursor, "SHOW TABLES IN system.compute")}
    assert tables == {"warehouse_events", "warehouses"}
    columns = {row[0]: row[1] for row in rows(cursor, "DESCRIBE system.access.outbound_network")}
    assert columns["storage_event"] == "struct<hostname:string,path:string,rejection_reason:string>"
    info = w.tables.get("system.query.history")
    assert info.columns[0].name == "account_id" and info.owner == "System user"
    found = rows(cursor, "SELECT table_name FROM system.information_schema.tables WHERE table_catalog = 'system' AND table_schema = 'access' ORDER BY 1")
    assert [row[0] for row in found] == ["audit", "outbound_network"]


def test_the_life_of_a_warehouse(cursor, w, server):
    name = f"seen-{uuid.uuid4().hex[:8]}"
    made = w.warehouses.create(name=name, cluster_size="2X-Small", auto_stop_mins=10, max_num_clusters=1, tags=None).result()
    w.warehouses.edit(made.id, name=name, cluster_size="X-Small", max_num_clusters=2).result()
    w.warehouses.delete(made.id)
    until(
        lambda: {"STARTING", "RUNNING"} <= {row[0] for row in rows(cursor, f"SELECT event_type FROM system.compute.warehouse_events WHERE warehouse_id = '{made.id}'")},
        what="the events of the warehouse",
    )
    found = rows(
        cursor,
        f"""SELECT warehouse_size, max_clusters, warehouse_type, delete_time IS NULL AS lives, workspace_id
            FROM system.compute.warehouses WHERE warehouse_id = '{made.id}' ORDER BY change_time, delete_time NULLS FIRST""",
    )
    assert [tuple(row)[:4] for row in found] == [("2X_SMALL", 1, "SERVERLESS", True), ("X_SMALL", 2, "SERVERLESS", True), ("X_SMALL", 2, "SERVERLESS", False)]
    assert {row[4] for row in found} == {str(server.workspace_id)}


def test_statements_and_calls_are_seen(cursor, w):
    mark = f"mark_{uuid.uuid4().hex}"
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=5)
    rows(cursor, f"SELECT 1 AS {mark}")
    with pytest.raises(ServerOperationError):
        rows(cursor, f"SELECT {mark} FROM nowhere.at.all")
    sql = f"""SELECT execution_status, executed_by, compute.type, total_duration_ms >= 0 FROM system.query.history
              WHERE start_time > '{since.isoformat()}' AND statement_text LIKE '%{mark}%' AND statement_text NOT LIKE '%history%'
              ORDER BY start_time"""
    found = until(lambda: (lambda found: found if len(found) == 2 else None)(rows(cursor, sql)), what="the statements in the history")
    me = w.current_user.me().user_name
    assert [tuple(row) for row in found] == [("FINISHED", me, "WAREHOUSE", True), ("FAILED", me, "WAREHOUSE", True)]
    sql = f"""SELECT DISTINCT service_name, response.status_code FROM system.access.audit
              WHERE request_params['http_path'] LIKE '%/Me' AND event_date >= '{since.date()}' AND user_identity.email = '{me}'"""
    assert [row[1] for row in until(lambda: rows(cursor, sql), what="the call in the audit")] == [200]


def test_many_rows_come_in_pages_and_cannot_be_written(cursor):
    count = rows(cursor, "SELECT count(*), count(DISTINCT event_id) FROM system.access.audit WHERE event_time < now() - INTERVAL 1 SECOND")[0]
    assert count[0] == count[1] > 0
    times = [row[0] for row in rows(cursor, "SELECT event_time FROM system.access.audit LIMIT 10")]
    assert times == sorted(times, reverse=True)
    for sql in ("DELETE FROM system.access.audit", "DROP TABLE system.access.audit", "INSERT INTO system.compute.warehouse_events SELECT * FROM system.compute.warehouse_events", "CREATE TABLE system.access.mine (a INT)"):
        with pytest.raises(ServerOperationError):
            rows(cursor, sql)


def test_others_read_them_when_they_are_granted(cursor, robot, w, server):
    from databricks.sdk.service import iam

    change = iam.AccessControlRequest(service_principal_name=robot.name, permission_level=iam.PermissionLevel.CAN_USE)
    w.permissions.update("warehouses", server.warehouse_id, access_control_list=[change])
    with server.connect(token=robot.token) as connection, connection.cursor() as other:
        assert {row[0] for row in rows(other, "SHOW SCHEMAS IN system")} == {"information_schema"}
        with pytest.raises(ServerOperationError, match="INSUFFICIENT_PERMISSIONS|USE SCHEMA"):
            rows(other, "SELECT * FROM system.compute.warehouses")
        cursor.execute(f"GRANT USE SCHEMA, SELECT ON SCHEMA system.compute TO `{robot.name}`")
        assert rows(other, "SELECT DISTINCT workspace_id FROM system.compute.warehouses")[0][0] == str(server.workspace_id)
        with pytest.raises(ServerOperationError):
            rows(other, "SELECT * FROM system.access.audit")
        cursor.execute(f"REVOKE USE SCHEMA, SELECT ON SCHEMA system.compute FROM `{robot.name}`")
        with pytest.raises(ServerOperationError):
            rows(other, "SELECT * FROM system.compute.warehouses")
