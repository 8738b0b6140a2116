"""What is sent to the server: names, texts, heads, forms and events that no client means."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import BaseRoute

from tests.soak.wire import field, file, part, posted, request, upload
from whisper_cli.serve.fields import ROWS

KEY = "s3cret-key"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"]
DETOURS = (
    "/v1/nowhere", "//v1/models", "/V1/models", "/v1/models/", "/%76%31/models", "/api/../api/ps",
    "/page/../v1/models", "/page/..%2f..%2fv1%2fmodels", "/health/../v1/models",
    "/v1/models;/health",
)  # fmt: skip
# Ten ways not to have the key, though some send it.
FORMS: tuple[tuple[bytes, ...], ...] = (
    (),
    (b"Authorization:",),
    (b"Authorization: Bearer",),
    (b"Authorization: Bearer wrong",),
    (b"Authorization: Bearer " + KEY[:-1].encode(),),
    (b"Authorization: Bearer " + KEY.encode() + b"x",),
    (b"Authorization: Bearer " + KEY.upper().encode(),),
    (b"Authorization: Bearer \xff\xfe",),
    (b"Authorization: Basic " + base64.b64encode(b":" + KEY.encode()),),
    (b"Authorization: " + KEY.encode(), b"X-Api-Key: " + KEY.encode()),
)
HALF = "\ud800"  # of a surrogate pair: JSON can say it, UTF-8 can't
TEXTS = (
    "", " ", "../../etc/passwd", "/etc/passwd", "..", ".", "a\0b", HALF, "x" * 5000, "%00",
    "%2e%2e%2f",
    "~root", "a\r\nX-Evil: 1", "\x1b[31m", "\u202eabc", "\U0001d11e", "C:\\x", "con", "{}", "[",
    "null",
    "-1", "NaN", "1e999", "inf", "<script>", "${x}", "{0.__class__}", "%s%n", "fake/", "./fake",
)  # fmt: skip
LISTS = ('["\\ud800"]', '["a\\u0000b"]', '["\\udfff\\ud800", "b"]')
HOSTS = {
    **dict.fromkeys(
        ["localhost", "LOCALHOST", "localhost:1", "localhost.", "a.localhost", "127.0.0.1",
         "127.0.0.1:99", "[::1]", "[::1]:80", "0.0.0.0", "10.1.2.3"], True),
    **dict.fromkeys(
        ["", "evil.example", "evil.example:8000", "127.0.0.1.evil.example",
        "localhost.evil.example",
         "localhost@evil.example", "evil.example@localhost", "evil.example/localhost", "xlocalhost",
         "localhost evil.example", "localhost,evil.example", "[evil.example]", "[", "]", ":",
         "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "xn--lclhst-6xa", "%6cocalhost",
         "evil.example#localhost", "http://localhost"], False),
}  # fmt: skip
ORIGINS = (
    "null", "https://evil.example", "http://evil.example:8000", "http://localhost.evil.example",
    "http://localhost@evil.example", "http://evil.example#localhost", "http://[", "http://[::1",
    "http://]", "http://[v1.x]/", "file://", "", " ", "localhost", "//evil.example",
    "http://localhost:1", "http://localhost evil", "javascript:1", "data:,", "http://\xff",
    "http://%00",
    "x" * 3000,
)  # fmt: skip
SITES = ("cross-site", "same-site", "CROSS-SITE", "same-origin", "none", "", "x")
RAW = (
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00" * 20,
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\0" * 5000,
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
)  # fmt: skip
FORGED = (
    "/x%0APOST%20/fake%20200", "/x%0D%0AGET%20/", "/x%1B[31m", "/%00", "/%ff%fe", "/%E2%80%A8line",
    "/%C2%85line", "/%7F%08%08", "/x%09tab", "/" + "x" * 9000,
)  # fmt: skip


def paths(routes: tuple[BaseRoute, ...]) -> list[str]:
    """List every route with its parameters filled in, and detours to them."""
    filled = (str(getattr(item, "path", "")) for item in routes)
    return [path.replace("{id:path}", "fake").replace("{name}", "page.js") for path in filled] + [
        *DETOURS
    ]


def names(destination: Path) -> list[str]:
    """List names of models that lead, if they are taken for paths, to a folder that is a model."""
    folder = destination / "elsewhere"
    pointer = destination / "pointer"
    pointer.write_text(str(folder), "utf-8")
    up = "../" * 12
    repo = "Systran/faster-whisper-tiny.en"
    revisions = (
        str(pointer), up + str(pointer).lstrip("/"), "/dev/null", "/etc", "..", ".", "a/../b",
        "a//b",
        "/", "main@main", "", " ", "x" * 5000, "a\0b", "%2e%2e", HALF, "refs/../../x", "\n",
        "../.no_exist",
    )  # fmt: skip
    return [f"{name}@{item}" for item in revisions for name in ("a/b", repo)] + [
        *TEXTS,
        str(folder),
        "a/b/c",
        "../b",
        "a/..",
        "@",
    ]


JSONS: tuple[bytes, ...] = (
    b"", b"{", b"[]", b"3", b"null", b"{}", b'{"model": 3}', b'{"model": null}',
    b'{"model": ["fake"]}',
    b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 9000, b'{"a":' * 1500,
    b'{"model":"fake"}' + b" " * 11_000,
    b'{"model":"fake","keep_alive":' + b"9" * 5000 + b"}",
    *(json.dumps({"model": "fake", "keep_alive": item}).encode() for item in (
        "999999999999h", "1e9", "", "soon", [], {}, True, float("nan"), float("inf"), 10**30, -5,
        "-1h")),
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """A request, by what is odd in it; one that is not `whole` is left by its client."""

    name: str
    data: bytes
    whole: bool = True

    def __str__(self) -> str:
        return self.name


MODEL, SOUND = field("model", "fake"), file(b"hello")
_KINDS: tuple[bytes, ...] = (
    b"", b"text/plain", b"application/json", b"multipart/form-data", b"multipart/mixed; boundary=b",
    b"multipart/form-data; boundary=", b'multipart/form-data; boundary=""',
    b"multipart/form-data; boundary=" + b"b" * 71, b"multipart/form-data; boundary=" + b"b" * 257,
    b"multipart/form-data; boundary=\xff", b'multipart/form-data; boundary="b',
    b"multipart/form-data; b=b",
)  # fmt: skip
_BODIES: dict[str, tuple[bytes, ...]] = {
    "nothing": (),
    "no file": (MODEL,),
    "no model": (SOUND,),
    "an empty file": (MODEL, file(b"")),
    "two files": (MODEL, SOUND, SOUND),
    "the file first": (SOUND, MODEL),
    "no name": (MODEL, part("", b"x"), SOUND),
    "no value of name": (MODEL, part("; name", b"x"), SOUND),
    "a file under another name": (MODEL, part('; name="x"; filename="y"', b"x"), SOUND),
    "a field that is no UTF-8": (MODEL, part('; name="prompt"', b"\xff\xfe"), SOUND),
    "many fields": (MODEL, *(field(f"f{number}", "x") for number in range(90)), SOUND),
    "a long field": (MODEL, field("prompt", "x" * 1_100_000), SOUND),
    "many heads": (MODEL, part('; name="x"', b"x", *[b"X-Y: z"] * 200), SOUND),
    "a long head": (MODEL, part('; name="x"', b"x", b"X-Y: " + b"z" * 20_000), SOUND),
    "a head that goes on": (MODEL, part('; name="x"', b"x", b"X-Y: a", b" b"), SOUND),
    "a form in a form": (MODEL, part('; name="file"; filename="a"', b"--c\r\n\r\n--c--"), SOUND),
    "base64": (MODEL, part('; name="x"', b"eA==", b"Content-Transfer-Encoding: base64"), SOUND),
    "rubbish before": (b"rubbish\r\n", MODEL, SOUND),
    "rubbish after": (MODEL, SOUND, b"--b--\r\nrubbish"),
    "bare line feeds": (b'--b\nContent-Disposition: form-data; name="model"\n\nfake\n', SOUND),
}
_RETRIES = (b"1", b"-1", b"1e3", b"9" * 5000, b"\xb2", b"", b"0x1", b"1, 2")


def fields() -> list[Sent]:
    """List forms in which one field is odd."""
    return [
        Sent(f"{name}={value!a:.40}", upload(MODEL, field(name, value), SOUND))
        for name in ROWS
        for value in (*TEXTS, *LISTS)
    ]


def uploads() -> list[Sent]:
    """List odd forms: bodies, kinds, file names, lengths, retry counts."""
    retry = b"x-stainless-retry-count: "
    form, chunked = upload(MODEL, SOUND), b"Transfer-Encoding: chunked"
    chunks = request("POST", "/v1/audio/transcriptions", chunked) + b"zz\r\nx\r\n"
    cut = posted("/api/load", {"model": "fake"})[:-5]
    return [
        *(Sent(name, upload(*parts)) for name, parts in _BODIES.items()),
        *(Sent(f"{name}, no end", upload(*parts, end=b"")) for name, parts in _BODIES.items()),
        *(Sent(f"kind {kind!a:.60}", upload(MODEL, SOUND, kind=kind)) for kind in _KINDS),
        *(Sent(f"file {name!a:.40}", upload(MODEL, file(b"hello", name))) for name in TEXTS),
        *(Sent(f"retry {n!a:.20}", upload(MODEL, SOUND, headers=(retry + n,))) for n in _RETRIES),
        Sent("a length beyond its body", form.replace(b"Length: ", b"Length: 9"), whole=False),
        Sent("a cut body of JSON", cut, whole=False),
        Sent("chunks that are none", chunks),
        Sent("chunks and a length", upload(MODEL, headers=(chunked,))),
    ]
