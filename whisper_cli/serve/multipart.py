"""A multipart form read as it comes: fields in memory, the file on the disk, nothing beyond limits.

The only user of python-multipart.
"""

import asyncio
import hashlib
import ipaddress
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from starlette.requests import ClientDisconnect

from whisper_cli.serve.errors import ApiError, invalid

MAX_FIELDS = 64
LONGEST_FIELD = 1_000_000  # bytes: a reference of a speaker's voice is a field
LONGEST_FIELDS = 4_000_000  # all of them together
_CHUNK = 1 << 18  # bytes that are written to the disk at once, in a thread
RATE_WINDOW = 60.0  # seconds over which the rate of an upload is looked at
SLOWEST = 1000  # bytes a second
Pairs = list[tuple[str, str]]


@dataclass(slots=True)
class Form:
    """The fields in their order, and the file: under a name of ours, without a suffix."""

    fields: Pairs = field(default_factory=list)
    path: Path | None = None
    size: int = 0
    digest: str = ""

    def remove(self) -> None:
        """Remove the file."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)


class FormReader:
    """Reads one form into `folder`; `early` sees the fields before the file is read.

    What `early` raises ends the reading: the file has not been taken in then.
    """

    def __init__(self, folder: Path, maximum: int, early: Callable[[Pairs], None]) -> None:
        self.form = Form()
        self._folder, self._maximum, self._early = folder, maximum, early
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._field = ""
        self._text = bytearray()
        self._total = 0
        self._file: IO[bytes] | None = None
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self._in_file = False
        self._finished = False

    async def read(self, content_type: str, chunks: AsyncIterator[bytes]) -> Form:
        """Read it all. Raises ApiError for what is no form, or too much."""
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser

        try:
            parser = MultipartParser(_boundary(content_type), self._callbacks())
            async for chunk in chunks:
                parser.write(chunk)
                if len(self._buffer) >= _CHUNK:
                    await asyncio.to_thread(self._flush)
            parser.finalize()
            if not self._finished:
                raise invalid("the form ends in the middle", None)
            await asyncio.to_thread(self._flush)
        except FormParserError as error:
            raise invalid(f"the body is no multipart form: {error}", None) from error
        except UnicodeDecodeError as error:
            raise invalid("a field is not UTF-8", None) from error
        finally:
            if self._file is not None:
                self._file.close()
        self.form.digest = self._hash.hexdigest()
        return self.form

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._part_named,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._headers = {}
        self._name = self._value = b""
        self._text = bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _part_named(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if self._field == "file":
            self._open()
        elif b"filename" in options:
            raise invalid(f'"{self._field[:80]}" is a file, and only "file" may be one', None)

    def _open(self) -> None:
        if self.form.path is not None:
            raise invalid("one file at a time", "file")
        self._early(self.form.fields)
        file = tempfile.NamedTemporaryFile(dir=self._folder, delete=False)  # noqa: SIM115
        self.form.path, self._file = Path(file.name), file
        self._in_file = True

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.form.size += end - start
            if self.form.size > self._maximum:
                raise too_big(self._maximum, self.form.size)
            self._buffer += memoryview(data)[start:end]
            return
        self._total += end - start
        if len(self._text) + end - start > LONGEST_FIELD or self._total > LONGEST_FIELDS:
            raise ApiError(413, "the fields are too long", code="too_large", param=self._field)
        self._text += memoryview(data)[start:end]

    def _part_end(self) -> None:
        if self._in_file:
            self._in_file = False
            return
        if len(self.form.fields) >= MAX_FIELDS:
            raise ApiError(413, f"more than {MAX_FIELDS} fields", code="too_large")
        self.form.fields.append((self._field, self._text.decode()))

    def _end(self) -> None:
        self._finished = True

    def _flush(self) -> None:
        """Write what came of the file, and hash it."""
        if self._file is not None and self._buffer:
            self._hash.update(self._buffer)
            self._file.write(self._buffer)
            self._buffer.clear()


async def with_minimum_rate(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass a body on; a sender that is too slow, or leaves, ends it.

    Each `RATE_WINDOW` seconds have to bring `SLOWEST` bytes a second, or the end.
    """
    iterator = aiter(chunks)
    clock = asyncio.get_running_loop().time
    until, taken = clock() + RATE_WINDOW, 0
    while True:
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(iterator)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise ApiError(408, "the upload stalls", code="upload_stalled") from None
        except ClientDisconnect:
            raise ApiError(499, "the client has left", code="client_left") from None
        taken += len(chunk)
        if taken >= RATE_WINDOW * SLOWEST:
            until, taken = clock() + RATE_WINDOW, 0
        yield chunk


class UploadLimits:
    """Who sends uploads now: one address at most half of the `maximum` that there may be at once.

    This machine may have them all: its programs share an address with a proxy that hides others.
    """

    def __init__(self, maximum: int) -> None:
        self._share = (maximum + 1) // 2
        self._uploads: Counter[str] = Counter()

    @contextmanager
    def upload(self, address: str) -> Iterator[None]:
        """Count an upload under way. Raises ApiError where its sender has its share already."""
        client = _client(address)
        if client is None:
            yield
            return
        if self._uploads[client] >= self._share:
            message = "too many uploads at once from one address: come again"
            raise ApiError(429, message, code="too_many_uploads", retry_after=5)
        self._uploads[client] += 1
        try:
            yield
        finally:
            self._uploads[client] -= 1
            self._uploads += Counter()  # forgets who sends nothing more


def _client(address: str) -> str | None:
    """Return whom an address stands for: of IPv6 a whole network; None is this machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # what a proxy says of a client
        return address or None
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return None
    bits = 64 if found.version == 6 else 32
    return str(ipaddress.ip_network((int(found), bits), strict=False))


def too_big(maximum: int, size: int) -> ApiError:
    """Refuse a file of more bytes than are taken."""
    message = f"maximum content size limit ({maximum}) exceeded ({size} bytes read)"
    return ApiError(413, message, code="file_too_large", param="file")


def _boundary(content_type: str) -> bytes:
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise invalid("the body has to be multipart/form-data with a boundary", None)
    return options[b"boundary"]
