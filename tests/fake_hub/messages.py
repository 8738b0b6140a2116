"""What goes over the wire: the request as it came, and the answer as it will go out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fake_hub.content import Content


@dataclass(slots=True)
class Request:
    """What one client asked, and what it got: `status` and `sent` grow while the answer goes out.

    `where` names the thing asked for, as faults are aimed at it: `cdn/model.bin`, `hub/tree`.
    `sent` counts the bytes of the body given to the network, `client` is the port they went to.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    port: int
    client: int
    where: str = ""
    status: int = 0
    sent: int = 0

    @property
    def path(self) -> str:
        """The path as it came, percent signs and all."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes `start` to `stop` of a content; the bytes at the positions in `flips` come wrong."""

    content: Content = b""
    start: int = 0
    stop: int = 0
    flips: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self.stop - self.start

    def read(self, start: int, stop: int) -> bytes:
        """Read between two positions of the content."""
        if isinstance(self.content, bytes):
            data = self.content[start:stop]
        else:
            with self.content.open("rb", buffering=0) as file:
                file.seek(start)
                data = file.read(stop - start)
        for at in (flip - start for flip in self.flips if start <= flip < stop):
            data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        return data


@dataclass(frozen=True, slots=True)
class Halt:
    """Something that happens after so many bytes of a body.

    With `seconds` the stream pauses, for ever if infinite; without, the connection ends, by a
    reset or in good order.
    """

    after: int
    seconds: float | None = None
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is sent; faults replace parts of it. `rate` is in bytes a second."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = field(default_factory=Body)
    chunked: bool = False
    delay: float = 0
    rate: float | None = None
    halts: tuple[Halt, ...] = ()


class RefusalError(Exception):
    """An answer that ends the handling of a request early."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def text(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    data = message.encode()
    about = {"Content-Type": "text/plain; charset=utf-8"} if data else {}
    return Answer(status, about | dict(headers or {}), Body(data, 0, len(data)))


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    data = json.dumps(value).encode()
    about = {"Content-Type": "application/json; charset=utf-8"} | dict(headers or {})
    return Answer(status, about, Body(data, 0, len(data)))


def refusal(status: int, message: str, code: str = "", commit: str = "") -> RefusalError:
    """Build a refusal as the hub words it: in two headers, and in the JSON of the body."""
    headers = {"X-Error-Code": code, "X-Error-Message": message, "X-Repo-Commit": commit}
    reported = {name: value for name, value in headers.items() if value}
    return RefusalError(json_answer({"error": message}, status, reported))
