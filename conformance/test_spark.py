"""Spark: `spark` in Python contexts, and PySpark's clients at the edge."""

import os
import subprocess
from pathlib import Path

import pytest
from databricks.sdk.service.compute import ResultType

from test_python import client, code_server, make_table, python  # noqa: F401

HERE = Path(__file__).parent
START_S = 600


def run_client(variable, code_server, *arguments, ok=True):  # noqa: F811
    """With the interpreter that xtask made for it."""
    interpreter = os.environ.get(variable)
    if not interpreter:
        pytest.fail(f"{variable} names no interpreter: run these tests by `cargo xtask test`")
    # PySpark looks for a home that its client does not need.
    environment = dict(os.environ, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=code_server.ca_file, REQUESTS_CA_BUNDLE=code_server.ca_file, SPARK_HOME=str(HERE))
    ran = subprocess.run([interpreter, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=START_S)
    assert (ran.returncode == 0) == ok, ran.stderr[-4000:]
    return ran.stdout + ran.stderr


def url(code_server, token=None, more=""):  # noqa: F811
    return f"sc://localhost:{code_server.tls_port}/;token={token or code_server.token};use_ssl=true{more}"


def test_pyspark_at_the_edge(code_server):  # noqa: F811
    assert run_client("BIPLANE_SPARK_PYTHON", code_server, HERE / "spark_client.py", "pyspark", url(code_server)).endswith("done\n")


def test_databricks_connect_at_the_edge(code_server):  # noqa: F811
    host = f"https://localhost:{code_server.tls_port}"
    assert run_client("BIPLANE_CONNECT_PYTHON", code_server, HERE / "spark_client.py", "connect", host, code_server.token).endswith("done\n")


ONE_CALL = """
import sys
from pyspark.sql import SparkSession
print(SparkSession.builder.remote(sys.argv[1]).getOrCreate().version)
"""


@pytest.mark.parametrize(
    "place, said",
    [
        (dict(token="dapi" + "0" * 32), "UNAUTHENTICATED"),
        (dict(more=";x-databricks-cluster-id=0101-000000-abcdefgh"), "does not exist"),
    ],
)
def test_who_may_not_is_told_in_grpc(code_server, place, said):  # noqa: F811
    assert said in run_client("BIPLANE_SPARK_PYTHON", code_server, "-W", "ignore", "-c", ONE_CALL, url(code_server, **place), ok=False)


def test_spark_in_a_context(python):  # noqa: F811
    assert python.text("spark.range(1_000_000).count()") == "1000000"
    assert python.text("spark.range(3)") == "DataFrame[id: bigint]"
    results = python.run("display(spark.createDataFrame([(1, 'a'), (2, None)], ['id', 'name']))").results
    assert results.result_type == ResultType.TABLE, results.cause
    assert [column["name"] for column in results.schema] == ["id", "name"]
    assert results.data == [[1, "a"], [2, None]]
    assert python.text("from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate() is spark") == "True"
    python.run("import pandas as pd\nspark.createDataFrame(pd.DataFrame({'x': [1.5, 2.5]})).createOrReplaceTempView('v')")
    assert python.text("spark.sql('SELECT sum(x) AS s FROM v').collect()[0].s") == "4.0"
    code = "from pyspark.sql.functions import udf\nspark.range(3).select(udf(lambda n: n + 1, 'long')('id').alias('n')).agg({'n': 'sum'}).collect()[0][0]"
    assert python.text(code) == "6"


def test_rows_of_the_catalog_come_through_the_engine(client, python, code_server):  # noqa: F811
    make_table(client, code_server)
    frame = "spark.createDataFrame(biplane.sql('SELECT * FROM python_data.s.t'))"
    assert python.text(f"import biplane\n{frame}.filter('id > 2').count()") == "2"
    assert python.text("spark.table('python_data.s.t').filter('id > 2').count()") == "2"


def test_a_function_of_the_user_finds_nothing_to_take(python, code_server):  # noqa: F811
    looks = f"""
from pyspark.sql.functions import udf
def look(_):
    import os
    def opens(path):
        try:
            return str(os.listdir(path) if os.path.isdir(path) else open(path).read(1))
        except OSError as error:
            return type(error).__name__
    found = [opens(path) for path in ({str(code_server.directory)!r}, '/etc/shadow', '/root', '/proc/1/environ')]
    return repr((sorted(os.listdir('/doors')), found, sorted(n for n in os.environ if 'TOKEN' in n or 'SECRET' in n or '_KEY' in n)))
spark.range(1).select(udf(look, 'string')('id')).collect()[0][0]
"""
    doors, found, names = eval(eval(python.text(looks)))
    # It leads to the tables that the user may read in whole, and to nothing else (test_spark_tables.py).
    assert "storage.sock" in doors, doors
    assert set(found) <= {"FileNotFoundError", "PermissionError"}, found
    assert names == []


def test_dbutils(client, python):  # noqa: F811
    if "python_files" not in [one.name for one in client.catalogs.list()]:
        client.catalogs.create(name="python_files")
        client.schemas.create(name="s", catalog_name="python_files")
        from databricks.sdk.service.catalog import VolumeType

        client.volumes.create(catalog_name="python_files", schema_name="s", name="v", volume_type=VolumeType.MANAGED)
    python.run("root = '/Volumes/python_files/s/v'")
    assert "Wrote 5 bytes" in python.text("dbutils.fs.put(root + '/a/b.txt', 'hello', True)")
    assert python.text("[(f.path, f.name, f.size) for f in dbutils.fs.ls(root + '/a')]") == "[('dbfs:/Volumes/python_files/s/v/a/b.txt', 'b.txt', 5)]"
    assert python.text("dbutils.fs.head('dbfs:' + root + '/a/b.txt')") == "'hello'"
    python.text("dbutils.fs.cp(root + '/a', root + '/c', recurse=True) and dbutils.fs.mv(root + '/c/b.txt', 'file:/tmp/b.txt')")
    assert python.text("open('/tmp/b.txt').read(), dbutils.fs.ls(root + '/c')") == "('hello', [])"
    assert python.text("dbutils.fs.rm(root + '/a', True)") == "True"
    assert python.text("dbutils.widgets.text('n', '5')\ndbutils.widgets.get('n')") == "'5'"
    assert "does not exist" in python.error("dbutils.secrets.get('scope', 'key')")
    assert python.text("dbutils.notebook.exit('over')\nprint('never')") == "over"
    python.run("kept = 1")
    python.run("dbutils.library.restartPython()")
    assert "NameError" in python.error("kept")
    assert python.text("spark.range(2).count()") == "2"
