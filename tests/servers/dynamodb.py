"""DynamoDB on a free loopback port, by npm's dynalite, for as long as the tests run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers import npm

VERSION = "4.0.0"
KEY_ID, SECRET = "AKIDCAPFLOW", "S3cret/dynamo"


@contextmanager
def server() -> Iterator[int]:
    """Start a server and give its port."""
    script = npm.package("dynalite", VERSION) / "cli.js"
    with npm.started(script, "--createTableMs", "0", "--deleteTableMs", "0") as port:
        yield port


def client(port: int) -> Any:
    """A client of the server."""
    import boto3

    return boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )


def fill(port: int, table: str, items: list[dict[str, Any]], key: str = "_row") -> None:
    """Make a table, in place of an old one of that name, and put items in; those without the key get a number."""
    from boto3.dynamodb.types import TypeSerializer

    dynamo = client(port)
    if table in dynamo.list_tables()["TableNames"]:
        dynamo.delete_table(TableName=table)
        dynamo.get_waiter("table_not_exists").wait(TableName=table, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    dynamo.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamo.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    typed = TypeSerializer().serialize
    puts = [
        {"PutRequest": {"Item": {name: typed(value) for name, value in ({key: str(number)} | item).items()}}}
        for number, item in enumerate(items)
    ]
    for start in range(0, len(puts), 25):
        left = {table: puts[start : start + 25]}
        while left:
            left = dynamo.batch_write_item(RequestItems=left)["UnprocessedItems"]
