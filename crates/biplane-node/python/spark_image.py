
# What finishes the image: what no sandbox needs goes, and the classes of a session are archived, which saves half
# of the time that Java takes to start.

import shutil
import signal
import tempfile
import threading


def end_with_parent():
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def train(java, work):
    """Starts a session and uses it, as a driver does; what was loaded is written when Java ends."""
    settings = {
        "spark.master": "local[2]",
        "spark.app.name": "image",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": os.path.join(work, "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(free_port()),
    }
    archive = f"-XX:ArchiveClassesAtExit={java.classes}"
    child, jvm = java.gateway(work, settings=settings, heap_bytes=1 << 30, archive=archive)
    session = jvm.org.apache.spark.sql.classic.SparkSession.builder().getOrCreate()
    jvm.org.apache.spark.sql.connect.service.SparkConnectService.start(session.sparkContext())
    for query in [
        "SELECT count(*) FROM range(1000000)",
        "SELECT id % 10 AS k, sum(id) AS s, collect_list(id) AS l FROM range(1000) GROUP BY 1 ORDER BY 2",
        "SELECT a.id, upper(concat('x', b.id)) FROM range(100) a JOIN range(100) b ON a.id = b.id WHERE a.id > 5",
    ]:
        session.sql(query).collectAsList()
    # Executors load these.
    jvm.java.lang.Class.forName("org.apache.spark.executor.CoarseGrainedExecutorBackend")
    jvm.java.lang.Class.forName("org.apache.spark.deploy.master.Master")
    child.stdin.close()
    child.wait(120)


def finish(packages):
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.umask(0o022)
    java = Java(packages)
    for name in ("examples", "data", "sbin"):
        shutil.rmtree(os.path.join(java.home, name), ignore_errors=True)
    # Without these everything works, only later.
    subprocess.run([os.path.join(java.runtime, "bin", "java"), "-Xshare:dump"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as work:
        train(java, work)


finish(sys.argv[1])
# Not by the usual way: what belongs to Java would be given back to one that has ended.
os._exit(0)
