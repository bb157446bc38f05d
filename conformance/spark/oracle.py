"""Asks Apache Spark what its own examples answer, and writes it down as golden files.

    python -m venv V && V/bin/pip install pyspark==4.3.0 && V/bin/python conformance/spark/oracle.py

needs Java 17. One file per group of functions in crates/biplane-engine/tests/spark, one case a line:
`{"sql", "types", "rows"}` or `{"sql", "error"}`. A statement whose answer changes from run to run is left out.
"""

import datetime
import decimal
import json
import math
import os
import re
import struct
import sys
import time
from pathlib import Path

os.environ["TZ"] = "UTC"
time.tzset()

from py4j.protocol import Py4JJavaError  # noqa: E402
from pyspark.errors import PySparkException  # noqa: E402
from pyspark.sql import SparkSession, types  # noqa: E402

TARGET = Path(__file__).parents[2] / "crates/biplane-engine/tests/spark"
STATEMENTS = Path(__file__).parent / "statements"

# What only a JVM can do, what tells of the machine, and what needs a file or a stream of somebody.
LEFT_OUT = re.compile(
    r"\b(java_method|reflect|try_reflect|current_user|session_user|user|version|uuid|rand|randn|random|randstr|shuffle"
    r"|current_database|current_schema|current_catalog|current_date|current_time|curdate|current_timestamp|now|localtimestamp"
    r"|unix_timestamp\(\)|input_file_\w+|monotonically_increasing_id|spark_partition_id|from_avro|to_avro|from_protobuf"
    r"|to_protobuf|schema_of_avro|raise_error|read_files|window_time|session_window)\b", re.IGNORECASE)

# Values of these are compared as Spark casts them to a string.
AS_TEXT = re.compile(r"interval|variant|time\(|geometry|geography|void")


def session():
    builder = SparkSession.builder.master("local[1]")
    for key, value in {
        "spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": "/tmp/biplane-oracle", "spark.log.level": "OFF", "spark.driver.memory": "2g",
        "spark.sql.columnNameOfCorruptRecord": "_corrupt_record",
    }.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def functions(spark):
    """Name, group and the statements among the examples of every function."""
    catalog = spark._jsparkSession.sessionState().catalog()
    for (name,) in spark.sql("SHOW SYSTEM FUNCTIONS").collect():
        identifier = spark._jvm.org.apache.spark.sql.catalyst.FunctionIdentifier(name)
        try:
            info = catalog.lookupFunctionInfo(identifier)
        except Exception:  # noqa: BLE001
            continue  # an operator of the grammar
        yield name, info.getGroup() or "misc", statements(info.getExamples())


def statements(text):
    """What stands behind the prompts of an example."""
    found, current = [], None
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("> "):
            current = line[2:]
        elif current is not None:
            current += " " + line
        if current is not None and current.rstrip().endswith(";"):
            found.append(current.rstrip().rstrip(";").strip())
            current = None
    return found


def value(data, kind):
    if data is None:
        return None
    match kind:
        case types.DoubleType():
            return number(data, repr(data))
        case types.FloatType():
            return number(data, shortest(data))
        case types.DecimalType():
            return format(data, "f")
        case types.BinaryType():
            return bytes(data).hex()
        case types.DateType():
            return data.isoformat()
        case types.TimestampType() | types.TimestampNTZType():
            return data.isoformat(sep=" ")
        case types.ArrayType():
            return [value(item, kind.elementType) for item in data]
        case types.MapType():
            return [[value(key, kind.keyType), value(item, kind.valueType)] for key, item in data.items()]
        case types.StructType():
            return [value(item, field.dataType) for item, field in zip(data, kind.fields)]
    if not isinstance(data, (bool, int, str)):
        raise TypeError(f"{kind} came as {type(data)}")
    return data


def number(data, text):
    if math.isnan(data):
        return "NaN"
    if math.isinf(data):
        return "Infinity" if data > 0 else "-Infinity"
    return float(text)


def shortest(data):
    """The shortest decimal that is this single-precision number."""
    for digits in range(1, 10):
        text = f"{data:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == data:
            return text
    return repr(data)


def answer(spark, sql):
    try:
        frame = spark.sql(sql)
        columns = frame.schema.fields
        kinds = [field.dataType.simpleString() for field in columns]
        names = [f"c{index}" for index in range(len(columns))]
        frame = frame.toDF(*names)
        cells = [frame[name].cast("string") if AS_TEXT.search(kind) else frame[name] for name, kind in zip(names, kinds)]
        chosen = frame.select(*cells) if cells else frame
        rows = [[value(item, field.dataType) for item, field in zip(row, chosen.schema.fields)] for row in chosen.collect()]
        return {"types": kinds, "rows": rows}
    except PySparkException as error:
        condition = error.getCondition()
        if condition is None or condition.startswith("_LEGACY") or condition in ("INTERNAL_ERROR", "FAILED_EXECUTE_UDF"):
            raise ValueError(f"no error class: {str(error)[:200]}") from error
        return {"error": condition}
    except Py4JJavaError as error:
        # What pyspark has no class of its own for: errors of scripts, of recursion, of collations.
        thrown = error.java_exception
        if not hasattr(thrown, "getCondition"):
            raise
        return {"error": thrown.getCondition()}


def twice(spark, sql):
    """The answer, if it is the same a second time."""
    first = answer(spark, sql)
    if first != answer(spark, sql):
        raise ValueError("it answers differently each time")
    return first


def write(path, cases):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as out:
        for case in cases:
            out.write(json.dumps(case, ensure_ascii=False) + "\n")


def examples(spark):
    groups, seen, left = {}, set(), 0
    for name, group, found in functions(spark):
        for sql in found:
            sql = sql.replace("_FUNC_", name)
            if sql in seen or LEFT_OUT.search(sql):
                left += sql not in seen
                continue
            seen.add(sql)
            try:
                groups.setdefault(group, []).append({"sql": sql, **twice(spark, sql)})
            except Exception as error:  # noqa: BLE001
                left += 1
                print(f"left out: {sql}: {str(error)[:160]}", file=sys.stderr)
    for group, cases in sorted(groups.items()):
        write(TARGET / "functions" / f"{group.removesuffix('_funcs')}.jsonl", cases)
        print(f"{group:24} {len(cases)}")
    print(f"{'all':24} {sum(map(len, groups.values()))}, left out {left}")


def own_statements(spark, chosen):
    """Files of statements that end with `;` at the end of a line; `-- @setup` ones are run and not compared."""
    for path in sorted(STATEMENTS.glob("*.sql")):
        if chosen and path.stem not in chosen:
            continue
        cases, made = [], []
        for text in re.split(r";[ ]*\n", path.read_text()):
            lines = [line for line in text.splitlines() if line.strip()]
            setup = any(line.strip() == "-- @setup" for line in lines)
            sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
            if not sql:
                continue
            if setup:
                spark.sql(sql)
                made.append(sql)
                cases.append({"setup": sql})
                continue
            try:
                cases.append({"sql": sql, **twice(spark, sql)})
            except Exception as error:  # noqa: BLE001
                print(f"left out: {sql}: {str(error)[:160]}", file=sys.stderr)
        write(TARGET / "statements" / f"{path.stem}.jsonl", cases)
        print(f"{path.stem:24} {len(cases) - len(made)}")


if __name__ == "__main__":
    spark = session()
    assert spark.conf.get("spark.sql.ansi.enabled") == "true"
    if "statements" not in sys.argv[1:]:
        examples(spark)
    # `oracle.py statements joins pivot`: these files alone.
    own_statements(spark, sys.argv[2:])
