"""A listener that takes a request and answers with whatever bytes a test gives it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """What came: method and path, and the headers by their small names."""

    line: str
    headers: dict[str, str]


@dataclass
class ServerSocket:
    url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [item.line for item in self.asked]


Answer = Callable[[BaseHTTPRequestHandler, Asked], None]


@contextlib.contextmanager
def listening(answer: Answer) -> Iterator[ServerSocket]:
    listener = ServerSocket("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(f"{self.command} {self.path}", headers)
            listener.asked.append(asked)
            self.rfile.read(int(headers.get("content-length", 0)))
            with contextlib.suppress(OSError):  # the client may have heard enough
                answer(self, asked)

        do_GET = do_POST = _take  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listener.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown()
            thread.join(10)


def replying(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer with a body and its length, then hang up."""

    def answer(request: BaseHTTPRequestHandler, asked: Asked) -> None:
        request.send_response(status)
        for name, value in ({"content-length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return answer


def saying_for_ever(piece: bytes) -> Answer:
    """Answer with the same bytes again and again, until the client has heard enough."""

    def answer(request: BaseHTTPRequestHandler, asked: Asked) -> None:
        request.send_response(200)
        request.end_headers()
        request.close_connection = True
        for _ in range(1 << 20):
            request.wfile.write(piece)

    return answer
