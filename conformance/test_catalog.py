"""databricks-sdk: Unity Catalog objects, and what a user without rights sees of them."""

import pytest
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service import catalog as uc


def test_catalogs(w):
    made = w.catalogs.create(name="Crud", comment="first")
    assert (made.name, made.owner, made.comment) == ("crud", "admin@localhost", "first")
    assert w.catalogs.update("crud", comment="second").comment == "second"
    assert w.catalogs.update("crud", new_name="crud2").name == "crud2"
    assert "crud2" in [found.name for found in w.catalogs.list()]
    with pytest.raises(ResourceConflict):
        w.catalogs.create(name="crud2")
    w.catalogs.delete("crud2", force=True)
    with pytest.raises(NotFound):
        w.catalogs.get("crud2")


def test_schemas_and_volumes(w, catalog):
    schema = w.schemas.create(name="plain", catalog_name=catalog, properties={"team": "x"})
    assert schema.full_name == f"{catalog}.plain" and schema.properties == {"team": "x"}
    volume = w.volumes.create(catalog_name=catalog, schema_name="plain", name="v", volume_type=uc.VolumeType.MANAGED)
    assert volume.full_name == f"{catalog}.plain.v" and volume.storage_location
    assert [found.name for found in w.volumes.list(catalog, "plain")] == ["v"]
    with pytest.raises(BadRequest):
        w.schemas.delete(schema.full_name)
    w.volumes.delete(volume.full_name)
    w.schemas.delete(schema.full_name)
    assert "plain" not in [found.name for found in w.schemas.list(catalog)]


def test_tables_made_by_sql_are_in_the_catalog(w, schema, sql):
    sql(f"CREATE TABLE {schema}.T (Id BIGINT NOT NULL COMMENT 'key', price DECIMAL(12,3), tags ARRAY<STRING>) COMMENT 'all'")
    table = w.tables.get(f"{schema}.t")
    assert table.table_type == uc.TableType.MANAGED and table.data_source_format == uc.DataSourceFormat.DELTA
    assert table.comment == "all"
    columns = {column.name.lower(): column for column in table.columns}
    assert (columns["price"].type_precision, columns["price"].type_scale) == (12, 3)
    assert columns["id"].type_name == uc.ColumnTypeName.LONG and columns["id"].nullable is False
    assert columns["tags"].type_text == "array<string>"
    assert w.tables.exists(f"{schema}.t").table_exists
    sql(f"CREATE VIEW {schema}.v AS SELECT id FROM {schema}.t")
    view = w.tables.get(f"{schema}.v")
    assert view.table_type == uc.TableType.VIEW and "SELECT" in view.view_definition.upper()
    catalog_name, schema_name = schema.split(".")
    assert sorted(found.name for found in w.tables.list(catalog_name, schema_name)) == ["t", "v"]
    assert sorted(found.name for found in w.tables.list(catalog_name, schema_name, max_results=1)) == ["t", "v"]
    w.tables.delete(f"{schema}.t")
    assert not w.tables.exists(f"{schema}.t").table_exists


def test_metastore(w, server):
    summary = w.metastores.summary()
    current = w.metastores.current()
    assert current.metastore_id == summary.metastore_id and current.workspace_id == int(server.workspace_id)


def grant(w, kind, name, principal, *privileges):
    w.grants.update(kind, name, changes=[uc.PermissionsChange(principal=principal, add=list(privileges))])


def test_without_grants_there_is_nothing_to_see(w, robot, server, schema, sql):
    catalog_name, schema_name = schema.split(".")
    sql(f"CREATE TABLE {schema}.secret AS SELECT 42 AS answer")
    w.permissions.update("warehouses", server.warehouse_id, access_control_list=[use(robot.name)])

    def visible():
        return catalog_name in [found.name for found in robot.client.catalogs.list()]

    def select():
        return sql(f"SELECT answer FROM {schema}.secret", client=robot.client)

    assert not visible()
    with pytest.raises((NotFound, PermissionDenied)):
        robot.client.tables.get(f"{schema}.secret")
    with pytest.raises(RuntimeError, match="PERMISSION|NOT_FOUND|does not exist"):
        select()
    assert [catalog_name] not in sql("SHOW CATALOGS", client=robot.client)

    grant(w, "catalog", catalog_name, robot.name, uc.Privilege.USE_CATALOG)
    assert visible()
    with pytest.raises(RuntimeError):
        select()
    grant(w, "schema", schema, robot.name, uc.Privilege.USE_SCHEMA)
    with pytest.raises(RuntimeError, match="PERMISSION|NOT_FOUND"):
        select()
    grant(w, "table", f"{schema}.secret", robot.name, uc.Privilege.SELECT)
    assert select() == [["42"]]
    assert [found.name for found in robot.client.tables.list(catalog_name, schema_name)] == ["secret"]
    with pytest.raises(RuntimeError, match="PERMISSION"):
        sql(f"INSERT INTO {schema}.secret VALUES (43)", client=robot.client)
    with pytest.raises(PermissionDenied):
        robot.client.tables.delete(f"{schema}.secret")

    revoke = uc.PermissionsChange(principal=robot.name, remove=[uc.Privilege.SELECT])
    w.grants.update("table", f"{schema}.secret", changes=[revoke])
    with pytest.raises(RuntimeError):
        select()
    change = uc.PermissionsChange(principal=robot.name, remove=[uc.Privilege.USE_CATALOG])
    w.grants.update("catalog", catalog_name, changes=[change])


def use(application_id):
    from databricks.sdk.service import iam

    return iam.AccessControlRequest(service_principal_name=application_id, permission_level=iam.PermissionLevel.CAN_USE)


def test_grants_by_rest_and_sql_are_the_same(w, robot, schema, sql):
    grant(w, "schema", schema, robot.name, uc.Privilege.SELECT)
    shown = sql(f"SHOW GRANTS ON SCHEMA {schema}")
    assert any(robot.name in row and "SELECT" in row for row in shown)
    sql(f"GRANT MODIFY ON SCHEMA {schema} TO `{robot.name}`")
    found = {entry.principal: set(entry.privileges) for entry in w.grants.get("schema", schema).privilege_assignments}
    assert found[robot.name] == {uc.Privilege.SELECT, uc.Privilege.MODIFY}
    sql(f"REVOKE SELECT ON SCHEMA {schema} FROM `{robot.name}`")
    effective = w.grants.get_effective("schema", schema, principal=robot.name)
    privileges = {held.privilege for entry in effective.privilege_assignments for held in entry.privileges}
    assert uc.Privilege.MODIFY in privileges and uc.Privilege.SELECT not in privileges


@pytest.mark.parametrize("name", ["a.b", "", "x" * 300, "a/b", "a\u0000b", "a`b; DROP CATALOG main"])
def test_hostile_names_are_refused(w, name):
    with pytest.raises(BadRequest):
        w.catalogs.create(name=name)
