"""An S3 server on a free loopback port, for as long as the tests run."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

KEYS = {"AWS_ACCESS_KEY_ID": "testkey", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class S3:
    """A running server: its `endpoint`, and a `client` of boto3."""

    endpoint: str
    client: Any

    def bucket(self) -> str:
        """A new, empty bucket."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        return name

    @property
    def options(self) -> Mapping[str, str]:
        """What a source says to reach it."""
        return {
            "endpoint": self.endpoint,
            "region": KEYS["AWS_REGION"],
            "access_key_id": KEYS["AWS_ACCESS_KEY_ID"],
            "secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"],
        }

    @property
    def environ(self) -> Mapping[str, str]:
        """What the environment says to reach it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.endpoint}


@contextmanager
def server() -> Iterator[S3]:
    """Start the server, and stop it whatever happens."""
    import boto3
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=KEYS["AWS_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        yield S3(endpoint, client)
    finally:
        running.stop()
