"""dbt-databricks, unmodified: a project with every kind of model is built, built again on other data, and documented."""

import json
import os
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "dbt"
PYTHON = os.environ.get("BIPLANE_DBT_PYTHON")
# Two builds must find: seeds, models (one is ephemeral), tests, a snapshot.
NODES = 21


class Dbt:
    def __init__(self, server, directory, schema, reader):
        catalog_name, schema_name = schema.split(".")
        address = f"127.0.0.1:{server.tls_port}"
        self.target = directory / "target"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "DO_NOT_TRACK": "1",
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_PROJECT_DIR": str(PROJECT),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(directory / "logs"),
            "DBT_USE_COLORS": "false",
            "DBT_HOST": address,
            "DBT_HTTP_PATH": server.http_path,
            "DBT_CONNECTION_URI": f"https://{address}{server.http_path}",
            "DBT_ENV_SECRET_TOKEN": server.token,
            "DBT_CATALOG": catalog_name,
            "DBT_SCHEMA": schema_name,
            "DBT_READER": reader,
            "REQUESTS_CA_BUNDLE": server.ca_file,
        }

    def run(self, *arguments):
        """Runs `dbt …`; what became of each node, by its name."""
        done = subprocess.run(
            [str(Path(PYTHON).parent / "dbt"), *arguments], cwd=PROJECT, env=self.env, capture_output=True, text=True, timeout=240
        )
        results = {}
        if (path := self.target / "run_results.json").exists():
            for result in json.loads(path.read_text())["results"]:
                results[result["unique_id"].split(".")[2]] = result["status"]
        assert done.returncode == 0, f"{results}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
        return results


@pytest.fixture
def dbt(server, catalog, tmp_path, robot):
    if not PYTHON:
        pytest.fail("BIPLANE_DBT_PYTHON names no interpreter: run this test by `cargo xtask test`")
    # Not made before: the first thing dbt does is to make its schema.
    return Dbt(server, tmp_path, f"{catalog}.shop", robot.name)


def test_a_project_is_built_twice_and_documented(dbt, sql, catalog):
    days = ["--event-time-start", "2024-01-01", "--event-time-end", "2024-01-03"]
    first = dbt.run("build", *days)
    assert set(first.values()) <= {"success", "pass"}, first
    assert len(first) == NODES
    second = dbt.run("build", "--vars", "day: 2", *days)
    assert set(second.values()) <= {"success", "pass"}, second

    def rows(table, columns, order=None):
        return sql(f"SELECT {columns} FROM {catalog}.shop.{table} ORDER BY {order or columns}")

    assert rows("customers", "id, name, since, credit, city") == [
        ["1", "Ada", "2024-01-15", "100.50", "London"],
        ["2", "Björn", "2024-02-20", None, "Umeå"],
        ["3", "Chloé, the third", "2024-03-05", "12.00", "Paris"],
        ["4", "O'Neill", "2024-03-06", "0.25", None],
    ]
    # The second run appended the orders of the second day, with the new column.
    assert rows("orders_appended", "id, day, status", "day, id") == [
        ["1", "1", None], ["2", "1", None], ["3", "1", None], ["2", "2", "paid"], ["4", "2", "paid"], ["5", "2", "open"],
    ]
    # It merged: order 2 is paid now, the lost one is gone.
    assert rows("orders_merged", "id, day, status") == [
        ["1", "1", "paid"], ["2", "2", "paid"], ["3", "1", "paid"], ["4", "2", "paid"], ["5", "2", "open"],
    ]
    for table in ["orders_overwritten", "orders_replaced"]:
        assert rows(table, "day, id") == [["1", "1"], ["1", "2"], ["1", "3"], ["2", "2"], ["2", "4"], ["2", "5"]], table
    assert rows("orders_deleted", "id, day") == [["1", "1"], ["2", "2"], ["3", "1"], ["4", "2"], ["5", "2"]]
    assert rows("orders_by_day", "day(at), id") == [["1", "1"], ["1", "2"], ["1", "3"], ["2", "2"], ["2", "4"], ["2", "5"]]
    # The snapshot remembers that order 2 was open, and takes no note of what did not change.
    assert rows("orders_seen", "id, status, dbt_valid_to IS NULL", "id, dbt_valid_from") == [
        ["1", "paid", "true"], ["2", "open", "false"], ["2", "paid", "true"], ["3", "paid", "true"],
        ["4", "paid", "true"], ["5", "open", "true"], ["99", "lost", "true"],
    ]
    described(sql, catalog)

    dbt.run("docs", "generate")
    documented = json.loads((dbt.target / "catalog.json").read_text())["nodes"]
    assert documented["model.shop.customers_by_city"]["columns"]["customers"]["type"] == "bigint"
    assert documented["model.shop.stg_orders"]["metadata"]["type"] == "view"
    assert documented["model.shop.customers_by_city"]["metadata"]["comment"].startswith("Customers of a city; it's a table")


def described(sql, catalog):
    """Comments, constraints, tags, properties and grants arrived."""

    def schema(view, columns, table):
        return sql(
            f"SELECT {columns} FROM system.information_schema.{view} WHERE catalog_name = '{catalog}' "
            f"AND schema_name = 'shop' AND table_name = '{table}' ORDER BY ALL"
        )

    assert schema("table_tags", "tag_name, tag_value", "customers_by_city") == [["cost_center", "7"], ["layer", "mart"]]
    assert schema("table_tags", "tag_name, tag_value", "stg_orders") == [["layer", "staging"]]
    assert schema("column_tags", "column_name, tag_name, tag_value", "customers_by_city") == [["customers", "unit", "people"]]
    columns = {row[0]: row[2] for row in sql(f"DESCRIBE TABLE {catalog}.shop.customers_by_city")}
    assert columns["city"] == "The city, or 'nowhere'"
    columns = {row[0]: row[2] for row in sql(f"DESCRIBE TABLE {catalog}.shop.stg_orders")}
    assert columns["id"] == "The number of the order"
    properties = dict(sql(f"SHOW TBLPROPERTIES {catalog}.shop.customers_by_city"))
    assert properties["team"] == "sales" and "city" in properties["clusteringColumns"]
    grants = sql(f"SHOW GRANTS ON TABLE {catalog}.shop.customers_by_city")
    assert any(grant[1] == "SELECT" for grant in grants)
    with pytest.raises(RuntimeError, match="DELTA_VIOLATE_CONSTRAINT|CHECK"):
        sql(f"INSERT INTO {catalog}.shop.customers_checked VALUES (9, 'x', -1)")
    with pytest.raises(RuntimeError, match="NOT_NULL"):
        sql(f"INSERT INTO {catalog}.shop.customers_checked VALUES (NULL, 'x', 1)")
    keys = sql(f"SELECT constraint_name, constraint_type FROM {catalog}.information_schema.table_constraints WHERE table_schema = 'shop' ORDER BY 1")
    assert keys == [["customers_checked_pk", "PRIMARY KEY"], ["orders_checked_fk", "FOREIGN KEY"]]
