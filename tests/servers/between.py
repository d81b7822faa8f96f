"""Accidents on the way to a server: what stands between it and its client can cut, hang and answer in its place."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CUT, HANG = "cut", "hang"


@dataclass
class Way:
    """The way to an HTTP server. `accident(number, path, body)` says what happens to the request of that number.

    None: it gets through. CUT: the connection breaks. HANG: nobody answers. (status, body): that is the answer.
    """

    port: int = 0
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    accident: Callable[[int, str, bytes], Any] = lambda number, path, body: None


@contextmanager
def http_way(server_port: int) -> Iterator[Way]:
    """Stand before an HTTP server of this machine."""
    way, closing = Way(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            way.requests.append((self.path, body))
            what = way.accident(len(way.requests), self.path, body)
            if what == HANG:
                closing.wait(30)
            if what in (CUT, HANG):
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return None
            if what is not None:
                return self.answer(what[0], what[1], {"Content-Type": "application/x-amz-json-1.0"})
            upstream = http.client.HTTPConnection("127.0.0.1", server_port, timeout=30)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                reply = upstream.getresponse()
                self.answer(reply.status, reply.read(), {"Content-Type": reply.getheader("Content-Type", "")})
            finally:
                upstream.close()

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do  # noqa: N815

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    way.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield way
    finally:
        closing.set()
        server.shutdown()
        server.server_close()


@contextmanager
def silent() -> Iterator[int]:
    """The port of a host that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening.getsockname()[1]


@contextmanager
def cut_after(letters: int, *ports: int) -> Iterator[int]:
    """A port whose connections lead to a server and break after so many bytes of its answers.

    The first connection leads to the first of `ports`, the next to the second, and all further ones to the last; only
    the first one breaks.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    made: list[socket.socket] = [listening]

    def carry(source: socket.socket, target: socket.socket, limit: float) -> None:
        with suppress(OSError):
            while limit > 0 and (data := source.recv(65536)):
                target.sendall(data)
                limit -= len(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            for number in range(10_000):
                client, _ = listening.accept()
                server = socket.create_connection(("127.0.0.1", ports[min(number, len(ports) - 1)]))
                made.extend((client, server))
                limit = letters if number == 0 else float("inf")
                threading.Thread(target=carry, args=(client, server, float("inf")), daemon=True).start()
                threading.Thread(target=carry, args=(server, client, limit), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        for one in made:
            with suppress(OSError):
                one.close()
