"""What test_spark_cluster.py runs with PySpark's client, step by step: each is named on stdin and answered with a line."""

import os
import sys
import threading
import time
import warnings

warnings.simplefilter("ignore")

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()


@udf("string")
def where(_):
    import os

    return os.environ["BIPLANE_SANDBOX"]


@udf("string")
def where_slowly(_):
    import os
    import time

    time.sleep(0.5)
    return os.environ["BIPLANE_SANDBOX"]


def error_of(action):
    try:
        return f"no error: {action()}"
    except Exception as error:
        return " ".join(str(error).split())


def hosts(function, rows, parts):
    return sorted(row.host for row in spark.range(0, rows, 1, parts).select(function("id").alias("host")).distinct().collect())


slow = {}
# For each processor of a worker, which has a quarter of the machine: seconds of work enough to be seen.
SHARE = max(1, (os.cpu_count() or 1) // 4)


def run_slowly():
    slow["rows"] = spark.range(0, 24 * SHARE, 1, 12 * SHARE).select(where_slowly("id").alias("host")).groupBy("host").count().collect()


def begin():
    slow["thread"] = threading.Thread(target=run_slowly)
    slow["thread"].start()
    return "begun"


def end():
    slow["thread"].join()
    return "all" if sum(row["count"] for row in slow["rows"]) == 24 * SHARE else slow["rows"]


def spread(count):
    """Waits for that many executors."""
    until = time.monotonic() + 60
    while len(found := hosts(where, 16, 8)) < count and time.monotonic() < until:
        time.sleep(0.2)
    return " ".join(found)


STEPS = {
    "version": lambda: spark.version,
    "count": lambda: spark.range(1_000_000).count(),
    "two": lambda: spread(2),
    "shuffle": lambda: spark.range(100_000).selectExpr("id % 100 AS k").groupBy("k").count().filter("count = 1000").count(),
    "begin": begin,
    "end": end,
    "table": lambda: error_of(lambda: spark.table("main.default.t").collect()),
    "save": lambda: error_of(lambda: spark.range(3).write.saveAsTable("t")),
}

for step in sys.stdin:
    print(STEPS[step.strip()](), flush=True)
