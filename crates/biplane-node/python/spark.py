"""The first program of a sandbox of Apache Spark: starts Java there, as a driver or as an executor.

The driver serves Spark Connect on a port, which is brought to the relay door as runtime.py brings Sail's. Where a cluster has
workers, it is also the master of a cluster of Spark's own, and executors come to it by themselves: they and the driver find each
other by their names in the mesh, at ports that are the same everywhere. Nobody but members of the mesh reaches these.
"""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time

from runtime import catalogs, keep_leading, keep_serving
from spark_java import Java

CONNECT_PORT, MASTER_PORT = 15002, 7077
SUFFIX = ".cluster.internal"
REFUSED = (
    "tables of the catalog cannot be read from Apache Spark: use a cluster with another runtime version, SQL on a warehouse, "
    "or biplane.sql in a Python context"
)
# Of the memory of the sandbox; the rest is for Python, and for what Java has beside its heap.
HEAP_PART = 0.5
TELL_EVERY_S = 2
WAIT_S, WAIT_MAX_S = 0.5, 120
LOGGING = """
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
"""


class Place:
    """This sandbox, as its node tells it."""

    def __init__(self, environment):
        self.java = Java(environment["BIPLANE_SPARK"])
        self.door = environment["BIPLANE_DOOR"]
        self.work = environment["BIPLANE_WORK"]
        self.name = environment["BIPLANE_SANDBOX"] + SUFFIX
        self.driver = environment["BIPLANE_SPARK_DRIVER"] + SUFFIX
        self.executor = environment["BIPLANE_SPARK_EXECUTOR"]
        self.has_executors = environment["BIPLANE_SPARK_HAS_EXECUTORS"] == "1"
        self.ports = [int(port) for port in environment["BIPLANE_SPARK_PORTS"].split()]
        self.cores = int(environment["BIPLANE_SPARK_CORES"])
        self.heap_bytes = int(int(environment["BIPLANE_SPARK_MEMORY"]) * HEAP_PART)
        self.temporary = os.path.join(self.work, "java")
        os.makedirs(self.temporary, exist_ok=True)
        self.logging = os.path.join(self.work, "log4j2.properties")
        with open(self.logging, "w") as file:
            file.write(LOGGING)

    @property
    def options(self):
        return {"heap_bytes": self.heap_bytes, "cores": self.cores, "work": self.temporary}


def settings(place, names):
    driver_port, driver_blocks, blocks = place.ports
    spread = {
        "spark.master": f"spark://127.0.0.1:{MASTER_PORT}",
        "spark.driver.host": place.name,
        "spark.driver.port": driver_port,
        "spark.driver.blockManager.port": driver_blocks,
        "spark.blockManager.port": blocks,
    }
    alone = {"spark.master": f"local[{place.cores}]", "spark.driver.host": "127.0.0.1"}
    return {
        "log4j2.configurationFile": place.logging,
        **(spread if place.has_executors else alone),
        "spark.app.name": "Biplane",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.port.maxRetries": 0,
        "spark.ui.enabled": "false",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": CONNECT_PORT,
        "spark.sql.catalogImplementation": "in-memory",
        # It cannot be made: a table kept in a sandbox would be lost with it, and executors would write parts of it elsewhere.
        "spark.sql.warehouse.dir": "/tables-are-made-by-sql-on-a-warehouse",
        **{f"spark.sql.catalog.{name}": REFUSED for name in names},
    }


def until(condition, what, child=None):
    """Waits for what others do meanwhile."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > WAIT_MAX_S or (child and child.poll() is not None):
            sys.exit(f"{what} in time")
        time.sleep(WAIT_S)


def is_member(name):
    try:
        return bool(socket.gethostbyname(name))
    except OSError:
        return False


def answers(address):
    """Whether somebody is there: what leads there takes a connection in any case, and drops it at once when nobody is."""
    try:
        with socket.create_connection(address, timeout=2) as tried:
            tried.settimeout(0.3)
            return bool(tried.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False


def drive(place):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=keep_leading, args=(listener, place.door), daemon=True).start()
    names = [name for name in catalogs(listener.getsockname()[1]) if name != "spark_catalog"]
    # Nobody reads from the catalog later: Spark has no way to what lies behind it.
    child, jvm = place.java.gateway(settings=settings(place, names), **place.options)
    if place.has_executors:
        until(lambda: is_member(place.name), "the driver did not become a member of the mesh", child)
        master = jvm.org.apache.spark.deploy.master.Master
        # Its port for people is any: nobody finds it.
        master.startRpcEnvAndEndpoint("127.0.0.1", MASTER_PORT, 0, jvm.org.apache.spark.SparkConf())
    session = jvm.org.apache.spark.sql.classic.SparkSession.builder().getOrCreate()
    jvm.org.apache.spark.sql.connect.service.SparkConnectService.start(session.sparkContext())
    threading.Thread(target=keep_serving, args=(place.door, CONNECT_PORT), daemon=True).start()
    threading.Thread(target=keep_telling, args=(session, listener.getsockname()[1]), daemon=True).start()
    # The first query of its user is not to be the one that loads everything.
    session.sql("SELECT count(*) FROM range(1000)").collectAsList()
    return child.wait()


def unfinished(tracker):
    """The tasks of all stages that run."""
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    found = [stage.get() for stage in stages if stage.isDefined()]
    return sum(stage.numTasks() - stage.numCompletedTasks() for stage in found)


def keep_telling(session, port):
    """Says how much there is to do; a cluster that may, grows with it."""
    tracker, told = session.sparkContext().statusTracker(), 0
    while True:
        time.sleep(TELL_EVERY_S)
        count = unfinished(tracker)
        if count or told:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TELL_EVERY_S)
                connection.request("GET", f"/spark/tasks?count={count}")
                connection.getresponse().read()
                connection.close()
                told = count
            except (OSError, http.client.HTTPException):
                pass


def execute(place):
    port = place.ports[0]
    until(lambda: is_member(place.driver) and answers((place.driver, port)), "the driver was not reached")
    command = place.java.command(
        "org.apache.spark.executor.CoarseGrainedExecutorBackend",
        "--driver-url", f"spark://CoarseGrainedScheduler@{place.driver}:{port}",
        "--executor-id", place.executor,
        "--bind-address", "127.0.0.1",
        "--hostname", place.name,
        "--cores", str(place.cores),
        "--app-id", "biplane",
        "--resourceProfileId", "0",
        settings={"log4j2.configurationFile": place.logging},
        **place.options,
    )  # fmt: skip
    return subprocess.call(command, env=place.java.environment(place.temporary), stdin=subprocess.DEVNULL)


def main():
    place = Place(os.environ)
    status = execute(place) if place.executor else drive(place)
    # Nothing of Java's is to be told that it ends.
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
