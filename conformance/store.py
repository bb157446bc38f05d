"""An S3 store of the suite: moto's server in a process of its own, with what tests need of a real store.

moto looks whether an object is there and writes it in two steps, and takes any key; a lock makes one step of
the two, and unknown keys are refused."""

import os
import re
import subprocess
import sys
import threading
import urllib.request

from server import free_port, until

ACCESS_KEY = "AKIABIPLANETEST00001"
SECRET_KEY = "do-not-show-4f1c9a/this+secret"
REGION = "eu-central-1"


class Store:
    def __init__(self, directory, *buckets):
        self.directory, self.port = directory, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.start()
        for bucket in buckets:
            self.client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def start(self):
        with open(self.directory / "store.log", "ab") as log:
            # A bucket is in the path, whatever the store is called.
            env = {**os.environ, "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}
            self.process = subprocess.Popen([sys.executable, __file__, str(self.port)], stdout=log, stderr=log, env=env)
        until(self._answers, what="the store")

    def _answers(self):
        try:
            return urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=5).status == 200
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()

    @property
    def client(self):
        import boto3

        return boto3.client("s3", endpoint_url=self.url, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)

    @property
    def options(self):
        """`storage_options` of deltalake."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
            "aws_conditional_put": "etag",
        }

    @property
    def env(self):
        """Of a server whose storage this is."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": REGION}

    def keys(self, bucket, prefix=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


REFUSAL = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InvalidAccessKeyId</Code>'
    b"<Message>The AWS Access Key Id you provided does not exist in our records.</Message></Error>"
)


def serve(port):
    import logging

    from moto.s3.responses import S3Response
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    one_at_a_time = threading.Lock()
    put_object = S3Response.put_object

    def atomic(self):
        with one_at_a_time:
            return put_object(self)

    S3Response.put_object = atomic
    moto = DomainDispatcherApplication(create_backend_app)

    def application(environ, start_response):
        found = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if found and found[1] != ACCESS_KEY:
            start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(REFUSAL)))])
            return [REFUSAL]
        return moto(environ, start_response)

    run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
