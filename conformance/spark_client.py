"""What PySpark does against the gRPC of the edge: run by test_spark.py with an interpreter that has the client.

spark_client.py pyspark URL | connect HOST TOKEN
"""

import sys
import warnings

warnings.simplefilter("ignore")


def session(kind, *place):
    if kind == "pyspark":
        from pyspark.sql import SparkSession

        return SparkSession.builder.remote(place[0]).getOrCreate()
    from databricks.connect import DatabricksSession
    from databricks.sdk.core import Config

    host, token = place
    return DatabricksSession.builder.sdkConfig(Config(host=host, token=token, serverless_compute_id="auto")).getOrCreate()


def main():
    spark = session(*sys.argv[1:])
    assert spark.range(1_000_000).count() == 1_000_000
    frame = spark.createDataFrame([(1, "a"), (2, None)], ["id", "name"])
    assert [tuple(row) for row in frame.collect()] == [(1, "a"), (2, None)]
    assert list(frame.toPandas()["id"]) == [1, 2]
    frame.createOrReplaceTempView("conformance_view")
    assert spark.sql("SELECT sum(id) AS s FROM conformance_view").collect()[0]["s"] == 3
    # More than a window of HTTP/2 and than a message.
    assert sum(row["id"] for row in spark.range(300_000).collect()) == 300_000 * 299_999 // 2
    try:
        spark.table("main.default.there_is_none").collect()
        raise AssertionError("a table of the catalog was found")
    except Exception as error:
        assert "TABLE_OR_VIEW_NOT_FOUND" in str(error), error
    print("done")


if __name__ == "__main__":
    main()
