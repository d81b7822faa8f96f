"""The CouchDB API on a free loopback port, by npm's pouchdb-server in memory, for as long as the tests run."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers import npm

VERSION = "4.2.0"


@contextmanager
def server() -> Iterator[int]:
    """Start a server and give its port."""
    script = npm.package("pouchdb-server", VERSION) / "bin" / "pouchdb-server"
    with npm.started(script, "--in-memory", "--no-stdout-logs") as port:
        yield port


def ask(port: int, method: str, path: str, body: Any = None) -> Any:
    """One request to the server."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{path}", data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def fill(port: int, database: str, documents: list[dict[str, Any]]) -> None:
    """Make a database, in place of an old one of that name, and put documents in; those without _id get a number."""
    if database in ask(port, "GET", "_all_dbs"):
        ask(port, "DELETE", database)
    ask(port, "PUT", database)
    numbered = [{"_id": f"{number:06d}"} | document for number, document in enumerate(documents)]
    for start in range(0, len(numbered), 1000):
        done = ask(port, "POST", f"{database}/_bulk_docs", {"docs": numbered[start : start + 1000]})
        assert all("error" not in one for one in done), done[:3]
