"""PySpark through the edge beside the same runtime alone: what sandbox, relay and edge cost.

Usage: cargo xtask bench spark. They take turns. Sail alone is a process of its own, as it is by the edge, and speaks no TLS;
what that costs the client is seen apart.
"""

import os
import subprocess
import sys
import tempfile
import time

from bench import Server, say

SAIL = """
import sys
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
"""


def sail():
    """Ends when its stdin does."""
    process = subprocess.Popen([sys.executable, "-c", SAIL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


def sessions(port, server, tls_port):
    from pyspark.sql import SparkSession

    plain_port = server.address.rsplit(":", 1)[1]
    places = {
        "Sail alone": f"sc://localhost:{port}",
        "by the edge": f"sc://localhost:{tls_port}/;token={server.token};use_ssl=true",
        "without TLS": f"sc://localhost:{plain_port}/;token={server.token}",
    }
    return {name: SparkSession.builder.remote(place).create() for name, place in places.items()}


def main():
    from server import free_port

    tls_port = free_port()
    with tempfile.TemporaryDirectory(prefix="biplane-bench-", ignore_cleanup_errors=True) as directory:
        server = Server(directory, "--samples-scale", "0", "--tls-listen", f"127.0.0.1:{tls_port}")
        try:
            os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = f"{directory}/tls/ca.pem"
            alone, port = sail()
            spark = sessions(port, server, tls_port)
            for what, action, runs in [
                ("range(1e6).count()", lambda spark: spark.range(1_000_000).count(), 200),
                ("a million rows as Arrow", lambda spark: spark.range(1_000_000).toArrow(), 20),
            ]:
                print(f"\n{what}")
                taken = {name: [] for name in spark}
                for run in range(runs + 5):
                    for name, session in spark.items():
                        start = time.perf_counter()
                        action(session)
                        if run >= 5:
                            taken[name].append((time.perf_counter() - start) * 1000)
                medians = {name: sorted(times)[len(times) // 2] for name, times in taken.items()}
                for name, median in medians.items():
                    say(name, f"p50 {median:.2f} ms   ({runs} runs)")
                for name in ("by the edge", "without TLS"):
                    say(f"overhead {name}", f"{(medians[name] / medians['Sail alone'] - 1) * 100:.0f} %", "< 10 %")
            alone.kill()
        finally:
            server.stop()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
