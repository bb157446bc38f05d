"""databricks-sdk: warehouses and their life cycle, with the SDK's own waiters."""

import pytest
from databricks.sdk.errors import BadRequest, NotFound
from databricks.sdk.service.sql import CreateWarehouseRequestWarehouseType, State

from server import until

pytestmark = pytest.mark.database


def test_the_starter_warehouse_is_listed(w, server):
    found = {warehouse.id: warehouse for warehouse in w.warehouses.list()}
    starter = found[server.warehouse_id]
    assert starter.name == "Starter Warehouse" and starter.enable_serverless_compute
    assert starter.odbc_params.path == server.http_path


def test_life_cycle(w, server):
    made = w.warehouses.create_and_wait(
        name="cycle", cluster_size="2X-Small", max_num_clusters=1, auto_stop_mins=10,
        warehouse_type=CreateWarehouseRequestWarehouseType.PRO, enable_serverless_compute=True,
    )
    assert made.state == State.RUNNING
    assert w.warehouses.stop_and_wait(made.id).state == State.STOPPED
    assert w.warehouses.start_and_wait(made.id).state == State.RUNNING
    edited = w.warehouses.edit_and_wait(made.id, name="cycle-2", cluster_size="X-Small", max_num_clusters=2, auto_stop_mins=20)
    assert (edited.name, edited.cluster_size, edited.auto_stop_mins) == ("cycle-2", "X-Small", 20)
    w.warehouses.delete(made.id)
    with pytest.raises(NotFound):
        until(lambda: w.warehouses.get(made.id).state not in (State.DELETING, State.DELETED), seconds=10)


def test_a_stopped_warehouse_starts_with_the_first_statement(w):
    made = w.warehouses.create_and_wait(name="sleeper", cluster_size="2X-Small", max_num_clusters=1, auto_stop_mins=10)
    w.warehouses.stop_and_wait(made.id)
    answer = w.statement_execution.execute_statement(statement="SELECT 1", warehouse_id=made.id, wait_timeout="50s")
    assert answer.result.data_array == [["1"]]
    assert w.warehouses.get(made.id).state == State.RUNNING
    w.warehouses.delete(made.id)


@pytest.mark.parametrize("wrong", [{"cluster_size": "Gigantic"}, {"auto_stop_mins": -5}, {"min_num_clusters": 3, "max_num_clusters": 2}, {"name": ""}])
def test_bad_settings_are_refused(w, wrong):
    with pytest.raises(BadRequest):
        w.warehouses.create(**{"name": "wrong", "cluster_size": "Small", "max_num_clusters": 1, "auto_stop_mins": 10, **wrong})
