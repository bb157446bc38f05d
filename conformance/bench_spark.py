"""PySpark through the edge beside the same runtime alone: what sandbox, relay and edge cost.

Usage: cargo xtask bench spark. The two take turns.
"""

import os
import sys
import tempfile
import time

from bench import Server, say

def sessions(alone, tls_port, token):
    from pyspark.sql import SparkSession

    alone.start()
    _, port = alone.listening_address
    places = {"Sail alone": f"sc://localhost:{port}", "by the edge": f"sc://localhost:{tls_port}/;token={token};use_ssl=true"}
    return {name: SparkSession.builder.remote(place).create() for name, place in places.items()}


def main():
    from pysail.spark import SparkConnectServer

    from server import free_port

    tls_port = free_port()
    with tempfile.TemporaryDirectory(prefix="biplane-bench-", ignore_cleanup_errors=True) as directory:
        server = Server(directory, "--samples-scale", "0", "--tls-listen", f"127.0.0.1:{tls_port}")
        try:
            os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = f"{directory}/tls/ca.pem"
            alone = SparkConnectServer()
            spark = sessions(alone, tls_port, server.token)
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
                say("overhead", f"{(medians['by the edge'] / medians['Sail alone'] - 1) * 100:.0f} %", "< 10 %")
        finally:
            server.stop()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
