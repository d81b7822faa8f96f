"""DynamoDB: a table of a region, scanned in parallel segments.

`uri: dynamodb://eu-west-1`, and `table:` names the table. Credentials come from the options or from the machine's own
AWS settings. Scan and its limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from capflow_resources.sources.documents.flatten import Document, Shape
from capflow_resources.sources.documents.paging import (
    Page,
    ask_store,
    document_shape,
    positive_number,
    read_documents,
    timeout,
)
from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

SEGMENTS, MAX_SEGMENTS = 4, 64
SAMPLE = 25
BUSY = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "LimitExceededException",
}
REFUSED = {
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "InvalidClientTokenId",
    "MissingAuthenticationTokenException",
    "MissingAuthenticationToken",
    "IncompleteSignatureException",
    "ExpiredTokenException",
    "AccessDeniedException",
    "OptInRequired",
}


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of all items, scanned in parallel segments.

    A lost connection resumes from the last page. Options: `access_key_id`, `secret_access_key`, `session_token` (else
    AWS's own settings), `endpoint` (instead of AWS's), `consistent: true` (strongly consistent reads, at twice the
    price), `segments` (4), `page_size` (items per request; else what fits in 1 MB), `timeout_seconds` (30). Numbers are
    exact.
    """
    return read_documents(customer, source, mapping, con, since, _Table(customer, source, mapping, since))


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return None: DynamoDB updates its item count only every six hours, so a change shows only by reading."""
    return None


def tables(customer: Customer, source: Source) -> list[str]:
    """List the tables of the region."""
    store = _Table(customer, source, None, None)
    with closing(store):
        return ask_store(customer, source, store, store.tables)


def fault(source: Source, error: Exception) -> str | None:
    """Return None: DynamoDB's errors are raised on opening."""
    return None


class _Table:
    lasting, key = True, ""

    def __init__(self, customer: Customer, source: Source, mapping: TableMapping | None, since: Since | None) -> None:
        self.customer, self.source = customer, source
        self.name = str(mapping.options.get("table", "")) if mapping else ""
        self.segments = min(int(positive_number(customer, source, "segments", SEGMENTS)), MAX_SEGMENTS)
        self.client = _connect(customer, source, self.segments)
        self.scan = (
            _scan_parameters(source, self.name, document_shape(customer, source, mapping), since) if mapping else {}
        )
        if "page_size" in source.options:
            self.scan["Limit"] = int(positive_number(customer, source, "page_size", 1))

    def identity(self) -> str | None:
        """Return the table's id: a table recreated under the same name has another one."""
        try:
            facts = self.client.describe_table(TableName=self.name)["Table"]
        except self.client.exceptions.ResourceNotFoundException:
            return None
        if facts.get("TableStatus") == "DELETING":
            return None
        return str(facts.get("TableId") or facts["CreationDateTime"])

    def tables(self) -> list[str]:
        """List the tables of the region."""
        pages = self.client.get_paginator("list_tables").paginate()
        return [name for page in pages for name in page["TableNames"]]

    def sample(self) -> list[Document]:
        """Return the first items of the table, with all of their attributes."""
        return _to_documents(self.client.scan(TableName=self.name, Limit=SAMPLE)["Items"])

    def page(self, segment: int, position: Any) -> Page:
        """Return up to 1 MB of items (before the filter); the position is the key of the last item."""
        start = {"ExclusiveStartKey": _to_key(position)} if position is not None else {}
        answer = self.client.scan(Segment=segment, TotalSegments=self.segments, **self.scan, **start)
        last = answer.get("LastEvaluatedKey")
        return Page(_to_documents(answer["Items"]), _to_position(last) if last else None)

    def is_passing(self, error: Exception) -> bool:
        """Return whether requests are throttled, the server is in trouble, or the connection was lost."""
        from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return _error_code(error) in BUSY or status >= 500
        return isinstance(error, (ConnectionError, HTTPClientError))

    def explain(self, error: Exception) -> tuple[str, str] | None:
        """Explain an error of DynamoDB or of the connection to it."""
        from botocore import exceptions

        where, file = f"sources.{self.source.name}", file_name(self.customer)
        keys = f"Correct access_key_id and secret_access_key in {where}.options of {file}, or AWS's own settings."
        place = f"DynamoDB at {self.client.meta.endpoint_url.partition('://')[2]}"
        if isinstance(error, exceptions.ClientError):
            return self._refusal(_error_code(error), place, keys)
        if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
            return "there are no AWS keys", keys
        if isinstance(error, (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)):
            return f"{place} does not answer", f"Check {where} in {file}, or raise its options.timeout_seconds."
        if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
            return f"{place} cannot be reached", f"Check the region and the endpoint of {where} in {file}."
        if isinstance(error, exceptions.BotoCoreError):
            return f"{place} cannot be queried ({type(error).__name__})", f"Check {where} in {file}."
        return None

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _refusal(self, code: str, place: str, keys: str) -> tuple[str, str]:
        if code in REFUSED:
            return f"{place} refuses the AWS keys ({code})", keys
        if code in BUSY:
            slower = f"Raise the table's read capacity, or lower sources.{self.source.name}.options.segments."
            return f"{place} takes no more requests for table '{self.name}' ({code})", slower
        if code == "ResourceNotFoundException":
            return f"table '{self.name}' vanished while it was read", "Run again when it is there."
        return f"{place} complains: {code}", f"Check sources.{self.source.name} in {file_name(self.customer)}."


def _connect(customer: Customer, source: Source, connections: int) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        remedy = "Install it: pip install 'capflow[aws]'."
        raise source_error(customer, source, "reading DynamoDB needs boto3, which is not installed", remedy) from None

    region = urlsplit(source.uri).netloc
    remedy = f"Write sources.{source.name}.uri of {file_name(customer)} like dynamodb://eu-west-1."
    if not source.uri.startswith("dynamodb://") or not re.fullmatch(r"[a-z]{2}[a-z-]*-\d+", region):
        raise source_error(customer, source, "its uri names no AWS region", remedy)
    seconds = timeout(customer, source)
    options = source.options
    try:
        return boto3.session.Session().client(
            "dynamodb",
            region_name=region,
            endpoint_url=options.get("endpoint"),
            aws_access_key_id=options.get("access_key_id"),
            aws_secret_access_key=options.get("secret_access_key"),
            aws_session_token=options.get("session_token"),
            config=Config(
                connect_timeout=seconds,
                read_timeout=seconds,
                retries={"total_max_attempts": 1},  # paging retries, for timeout_seconds
                max_pool_connections=connections,
            ),
        )
    except Exception as error:  # a malformed endpoint, only one of the keys; its text may hold them
        what = f"boto3 cannot use its options ({type(error).__name__})"
        remedy = f"Correct sources.{source.name}.options in {file_name(customer)}."
        raise source_error(customer, source, what, remedy) from None


def _scan_parameters(source: Source, table: str, shape: Shape, since: Since | None) -> dict[str, Any]:
    """Return the parameters of every page. Top-level attributes only: DynamoDB refuses overlapping paths."""
    names = {f"#f{index}": name for index, name in enumerate(shape.fields)}
    parameters: dict[str, Any] = {
        "TableName": table,
        "ProjectionExpression": ", ".join(names),
        "ExpressionAttributeNames": names,
        "ConsistentRead": source.options.get("consistent") is True,
    }
    if since is None or not isinstance(since.value, (int, float, str)):
        return parameters  # DynamoDB has no times: the caller filters
    if shape.explode and f"{since.column}.".startswith(f"{shape.explode}."):
        return parameters
    path = {f"#s{index}": name for index, name in enumerate(since.column.split("."))}
    kind = "S" if isinstance(since.value, str) else "N"
    # Values of another type are kept: an attribute may be text in one item and a number in another.
    parameters["FilterExpression"] = "{0} >= :value OR NOT attribute_type({0}, :kind)".format(".".join(path))
    parameters["ExpressionAttributeValues"] = {":value": {kind: str(since.value)}, ":kind": {"S": kind}}
    names.update(path)
    return parameters


def _to_documents(items: list[dict[str, Any]]) -> list[Document]:
    return [{name: _unwrap(value) for name, value in item.items()} for item in items]


def _unwrap(value: Mapping[str, Any]) -> Any:
    """Return a value without its type descriptor; numbers exact, sets as sorted lists."""
    kind, payload = next(iter(value.items()))
    if kind == "N":
        return Decimal(payload)
    if kind == "M":
        return {name: _unwrap(entry) for name, entry in payload.items()}
    if kind == "L":
        return [_unwrap(entry) for entry in payload]
    if kind == "NS":
        return sorted(map(Decimal, payload))
    if kind in ("SS", "BS"):
        return sorted(payload)
    return None if kind == "NULL" else payload


def _to_position(key: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    return {name: list(_to_json_value(*next(iter(value.items())))) for name, value in key.items()}


def _to_json_value(kind: str, payload: Any) -> tuple[str, str]:
    return kind, base64.b64encode(payload).decode() if kind == "B" else payload


def _to_key(position: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    return {
        name: {kind: base64.b64decode(payload) if kind == "B" else payload}
        for name, (kind, payload) in position.items()
    }


def _error_code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
