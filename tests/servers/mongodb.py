"""A server that speaks MongoDB's wire protocol, for the real pymongo: no MongoDB can be installed from Debian or PyPI.

It does what reading needs, as documented: OP_MSG (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol),
the older OP_QUERY for the first hello, SCRAM-SHA-256 (RFC 7677), find, getMore, killCursors and listCollections, with
BSON's order of types. What it cannot do it refuses, as a server would.
"""

import base64
import hashlib
import hmac
import os
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import uuid4

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MOST_BYTES = 16 * 1024 * 1024
USER, PASSWORD, ROUNDS = "capflow", "S3cret/mongo", 4096
CUT, HANG = "cut", "hang"
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, unicode_decode_error_handler="replace")

Answer = dict[str, Any]


class Mongo:
    """The server's data and what it was asked.

    `accident(number, name, command)` says what becomes of a command: None it is done; CUT the connection breaks; HANG
    nobody answers; a dict is the answer. Commands that only keep up the connection are not counted.
    """

    def __init__(self) -> None:
        self.databases: dict[str, dict[str, list[bytes]]] = {}
        self.ids: dict[tuple[str, str], bson.Binary] = {}
        self.commands: list[Answer] = []
        self.accident: Callable[[int, str, Answer], Any] = lambda number, name, command: None
        self.port = 0
        self.closing = threading.Event()
        self._cursors: dict[int, tuple[str, list[bytes]]] = {}

    def fill(self, database: str, collection: str, documents: list[Answer]) -> None:
        """Put documents into a new collection, in place of an old one of that name."""
        self.databases.setdefault(database, {})[collection] = [bson.encode(document) for document in documents]
        self.ids[database, collection] = bson.Binary.from_uuid(uuid4())

    def uri(self, database: str, user: str = "", password: str = "") -> str:
        """The address of a database."""
        return f"mongodb://{f'{user}:{password}@' if user else ''}127.0.0.1:{self.port}/{database}"

    def counted(self, name: str) -> list[Answer]:
        """The commands of one name that came."""
        return [command for command in self.commands if next(iter(command)) == name]

    def answer(self, command: Answer, talk: Answer) -> Answer | str:
        """What the server says to one command; `talk` is what it remembers of the connection."""
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            return self._hello()
        if name in ("saslStart", "saslContinue"):
            return _scram(command, talk)
        if name in ("ping", "endSessions"):
            return {"ok": 1.0}
        self.commands.append(command)
        what = self.accident(len(self.commands), name, command)
        if what is not None:
            return what
        if "user" in talk and not talk.get("proven"):
            return _refusal(13, "Unauthorized", f"command {name} requires authentication")
        done = {"find": self._find, "getMore": self._more, "killCursors": self._kill, "listCollections": self._list}
        if name not in done:
            return _refusal(59, "CommandNotFound", f"no such command: '{name}'")
        return done[name](command)

    def _hello(self) -> Answer:
        return {
            "helloOk": True,
            "ismaster": True,
            "isWritablePrimary": True,
            "maxBsonObjectSize": MOST_BYTES,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "logicalSessionTimeoutMinutes": 30,
            "saslSupportedMechs": ["SCRAM-SHA-256"],
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "readOnly": False,
            "ok": 1.0,
        }

    def _list(self, command: Answer) -> Answer:
        database = command["$db"]
        found = [
            {
                "name": name,
                "type": "collection",
                "options": {},
                "info": {"readOnly": False, "uuid": self.ids[database, name]},
            }
            for name in self.databases.get(database, {})
            if command.get("filter", {}).get("name", name) == name
        ]
        return {
            "cursor": {"id": bson.Int64(0), "ns": f"{database}.$cmd.listCollections", "firstBatch": found},
            "ok": 1.0,
        }

    def _find(self, command: Answer) -> Answer:
        held = self.databases.get(command["$db"], {}).get(command["find"], [])
        found = [(bson.decode(raw, CODEC), raw) for raw in held]
        found = [one for one in found if _fits(one[0], command.get("filter") or {})]
        for field, way in reversed(list((command.get("sort") or {}).items())):
            found.sort(key=lambda one, field=field: _order(one[0].get(field)), reverse=way < 0)
        if command.get("limit"):
            found = found[: command["limit"]]
        shown = command.get("projection")
        documents = [
            bson.encode({key: document[key] for key in document if key in shown}) if shown else raw
            for document, raw in found
        ]
        return self._batch(
            0, f"{command['$db']}.{command['find']}", documents, command.get("batchSize", 101), "firstBatch"
        )

    def _more(self, command: Answer) -> Answer:
        number = command["getMore"]
        if number not in self._cursors:
            return _refusal(43, "CursorNotFound", f"cursor id {number} not found")
        namespace, documents = self._cursors.pop(number)
        database, _, collection = namespace.partition(".")
        if collection not in self.databases.get(database, {}):
            return _refusal(175, "QueryPlanKilled", f"collection dropped: {namespace}")
        return self._batch(number, namespace, documents, command.get("batchSize", 1 << 30), "nextBatch")

    def _batch(self, number: int, namespace: str, documents: list[bytes], size: int, name: str) -> Answer:
        count, length = 0, 0
        while count < min(len(documents), size) and (not count or length + len(documents[count]) < MOST_BYTES):
            length += len(documents[count])
            count += 1
        left = documents[count:]
        if left:
            number = number or int.from_bytes(os.urandom(7), "big") + 1
            self._cursors[number] = (namespace, left)
        batch = [RawBSONDocument(document) for document in documents[:count]]
        return {"cursor": {name: batch, "id": bson.Int64(number if left else 0), "ns": namespace}, "ok": 1.0}

    def _kill(self, command: Answer) -> Answer:
        for number in command["cursors"]:
            self._cursors.pop(number, None)
        return {"cursorsKilled": command["cursors"], "ok": 1.0}


@contextmanager
def server() -> Iterator[Mongo]:
    """Start a server on loopback."""
    mongo = Mongo()

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            talk: Answer = {}
            with suppress(OSError, EOFError):
                while self.one(talk):
                    pass

        def one(self, talk: Answer) -> bool:
            length, number, _, operation = struct.unpack("<iiii", _received(self.request, 16))
            body = _received(self.request, length - 16)
            command = _message(body) if operation == OP_MSG else _query(body)
            reply = mongo.answer(command, talk)
            if reply == HANG:
                mongo.closing.wait(30)
            if reply in (CUT, HANG):
                return False
            encoded = bson.encode(reply)
            if operation == OP_MSG:
                sent = struct.pack("<IB", 0, 0) + encoded
            else:
                sent = struct.pack("<iqii", 8, 0, 0, 1) + encoded
            kind = OP_MSG if operation == OP_MSG else OP_REPLY
            self.request.sendall(struct.pack("<iiii", 16 + len(sent), 0, number, kind) + sent)
            return True

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address = True, True

        def handle_error(self, *_: object) -> None: ...

    listening = Server(("127.0.0.1", 0), Talk)
    mongo.port = listening.server_address[1]
    threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield mongo
    finally:
        mongo.closing.set()
        listening.shutdown()
        listening.server_close()


def _received(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        if not (more := connection.recv(min(1 << 20, length - len(data)))):
            raise EOFError
        data += more
    return bytes(data)


def _message(body: bytes) -> Answer:
    """OP_MSG: flags, then sections; the one of kind 0 is the command."""
    assert body[4] == 0, "only a body section is sent by what reads"
    size = struct.unpack_from("<i", body, 5)[0]
    return bson.decode(body[5 : 5 + size], CODEC)


def _query(body: bytes) -> Answer:
    """OP_QUERY: flags, the collection's name, how many to skip and to return, then the command."""
    start = body.index(b"\x00", 4) + 1 + 8
    return bson.decode(body[start:], CODEC)


def _refusal(code: int, name: str, text: str) -> Answer:
    return {"ok": 0.0, "errmsg": text, "code": code, "codeName": name}


def _scram(command: Answer, talk: Answer) -> Answer:
    """SCRAM-SHA-256 by RFC 5802 and RFC 7677, on the server's side."""
    said = bytes(command["payload"]).decode()
    if "saslStart" in command:
        talk["first"] = said.partition(",,")[2]
        facts = dict(part.split("=", 1) for part in talk["first"].split(","))
        talk["user"], talk["salt"] = facts["n"], os.urandom(16)
        salt = base64.b64encode(talk["salt"]).decode()
        talk["server"] = f"r={facts['r']}{base64.b64encode(os.urandom(9)).decode()},s={salt},i={ROUNDS}"
        return {"conversationId": 1, "done": False, "payload": talk["server"].encode(), "ok": 1.0}
    final, _, proof = said.rpartition(",p=")
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), talk["salt"], ROUNDS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    everything = f"{talk['first']},{talk['server']},{final}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), everything, "sha256")
    expected = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    if talk["user"] != USER or not hmac.compare_digest(expected, base64.b64decode(proof)):
        return _refusal(18, "AuthenticationFailed", f"Authentication failed for {talk['user']}.")
    talk["proven"] = True
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    verifier = base64.b64encode(hmac.digest(server_key, everything, "sha256")).decode()
    return {"conversationId": 1, "done": True, "payload": f"v={verifier}".encode(), "ok": 1.0}


KINDS: tuple[tuple[Any, str], ...] = (
    (type(None), "null"),
    (bool, "bool"),
    ((int, float, bson.Decimal128), "number"),
    (str, "string"),
    (dict, "object"),
    (list, "array"),
    (bytes, "binData"),
    (bson.ObjectId, "objectId"),
    (datetime, "date"),
)
ORDER = ("null", "number", "string", "object", "array", "binData", "objectId", "bool", "date")


def _kind(value: Any) -> str:
    return next(name for kind, name in KINDS if isinstance(value, kind))


def _order(value: Any) -> tuple[int, Any]:
    kind = _kind(value)
    if isinstance(value, bson.Decimal128):
        value = value.to_decimal()
    plain = 0 if value is None else bson.encode(value) if kind == "object" else value
    return ORDER.index(kind), plain


def _fits(document: Answer, wanted: Answer) -> bool:
    return all(_fit(document, field, asked) for field, asked in wanted.items())


def _fit(document: Answer, field: str, asked: Any) -> bool:
    if field in ("$and", "$or"):
        return (all if field == "$and" else any)(_fits(document, one) for one in asked)
    value: Any = document
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(asked, dict):
        return bool(value == asked)
    return all(_holds(document, field, value, operator, operand) for operator, operand in asked.items())


def _holds(document: Answer, field: str, value: Any, operator: str, operand: Any) -> bool:
    if operator == "$not":
        return not _fit(document, field, operand)
    if operator == "$type":
        return _kind(value) in ([operand] if isinstance(operand, str) else operand) and value is not None
    if operator in ("$gt", "$gte"):  # only values of the same type are compared
        same = _kind(value) == _kind(operand)
        return same and (_order(value) > _order(operand) or (operator == "$gte" and value == operand))
    raise AssertionError(f"this server does not know {operator}")
