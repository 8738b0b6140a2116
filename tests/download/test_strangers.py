"""What hubs, mirrors, neighbours and indexes may say: a clear error, nothing under a hostile name.

Each answer starts as a real one; one thing of it is made worse.
"""

import copy
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Result
from tests.download.conftest import Pull
from tests.download.pulls import MODEL, check, check_nothing_published, work
from tests.fake_hub import Hub, faults
from tests.fake_hub.messages import Answer, Body, Request, text
from tests.models.fakes import fake_model, using, write
from whisper_cli.download.fetch import fetch
from whisper_cli.download.sources.folder import FolderSource
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.download.sources.peer import PeerSource
from whisper_cli.download.types import TransferLimits
from whisper_cli.errors import DownloadError, ModelError
from whisper_cli.models.catalog import resolve
from whisper_cli.models.names import is_commit, is_file_name, is_sha256, is_size

PATHS = [
    "/tmp/hostile",
    "../../../hostile",
    "..",
    ".",
    "",
    "a/../../b",
    "a\0b",
    "\ud800",
    "\x1b[2J",
]
NUMBERS = [-1, 1.5, 1e400, 2**70, 10**4000, 0.0]
KINDS = [None, True, [], {}, [["x"]], {"x": {}}]
SHA1, SHA256 = "a" * 40, "b" * 64
ENTRY = {"rfilename": "config.json", "size": 2, "blobId": SHA1}


def reported(value: object) -> str:
    return ascii(value)[:24]


def altered(alter: Callable[[Any], Any]) -> faults.Fault:
    """Answer with what `alter` makes of the JSON."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        found = json.loads(answer.body.read(answer.body.start, answer.body.stop))
        return with_body(json.dumps(alter(found)).encode())

    return fault


def with_body(data: bytes) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, Body(data, 0, len(data)))


def setting(where: tuple[Any, ...], value: Any) -> Callable[[Any], Any]:
    """Return a change that puts a value at a place in JSON."""

    def change(found: Any) -> Any:
        *path, last = where
        at = found
        for step in path:
            at = at[step]
        at[last] = value
        return found

    return change


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture
def untouched(isolated: Path, tmp_path: Path) -> Iterator[None]:
    """Check that nothing came to be outside of the cache, nor stays in it."""
    yield
    assert everything(isolated) <= {"hub", "state", "state/models.json"}
    assert not Path("/tmp/hostile").exists()


def refused(result: Result) -> str:
    """Check that a pull failed as one that a person can act on; give what was said."""
    assert (result.code, result.stdout) == (5, ""), result.stderr
    assert "error: " in result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


WEIGHTS_AT = sorted([*MODEL, "README.md", "data/words.txt"]).index("model.bin")
CONFIG_AT = sorted([*MODEL, "README.md", "data/words.txt"]).index("config.json")
HASHES = [*PATHS, *NUMBERS, *KINDS, SHA1.upper(), "g" * 64, SHA1 + "0"]


@pytest.mark.parametrize(
    ("where", "values"),
    [
        (("sha",), [*HASHES, SHA256]),
        (("siblings", CONFIG_AT, "blobId"), [*HASHES, SHA256]),
        (("siblings", WEIGHTS_AT, "lfs", "sha256"), [*HASHES, SHA1]),
        (("siblings", WEIGHTS_AT, "size"), [*PATHS, *NUMBERS, *KINDS, "12"]),
        (("siblings", WEIGHTS_AT, "lfs"), [*PATHS[:3], 5, True, ["x"], {"x": {}}]),
        (
            ("siblings", CONFIG_AT, "rfilename"),
            [*PATHS, *NUMBERS[:2], *KINDS, "x" * 256, "a\\b", "a\n"],
        ),
        (("siblings", CONFIG_AT), [*PATHS[:2], 5, *KINDS]),
        (("siblings",), ["x", 5, None, [None], {"x": 1}]),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_whatever_a_hub_says_of_a_file_is_an_error_or_a_name_below_the_model(
    hub: Hub, pull: Pull, cache: Path, untouched: None, where: tuple[Any, ...], values: list[Any]
):
    for value in values:
        hub.faults.clear()
        hub.faults.add("hub/info", altered(setting(where, value)))
        said = refused(pull("--all-files", "--progress", "none"))
        assert "does not answer as a hub does" in said, reported(value)
        check_nothing_published(cache)
        assert not work(cache).exists()


@pytest.mark.parametrize("again", ["config.json", "data", "model.bin/x"])
def test_a_hub_that_names_a_file_twice_or_as_a_folder_is_refused(
    hub: Hub, pull: Pull, cache: Path, untouched: None, again: str
):
    def twice(found: Any) -> Any:
        found["siblings"].append({**ENTRY, "rfilename": again})
        return found

    hub.faults.add("hub/info", altered(twice))
    assert "a file is named twice" in refused(pull("--all-files"))
    check_nothing_published(cache)


@pytest.mark.parametrize("digest", [None, "", 0, False])
def test_a_hub_that_gives_no_hash_is_refused_as_nothing_would_be_verified(
    hub: Hub, pull: Pull, cache: Path, untouched: None, digest: object
):
    hub.faults.add("hub/info", altered(setting(("siblings", CONFIG_AT, "blobId"), digest)))
    assert "it gives no hash or no size of config.json" in refused(pull())
    check_nothing_published(cache)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"siblings":' * 100_000,
        b"",
        b"null",
        b"5",
        b'"x"',
        b"[]",
        b"{}",
        b'{"sha": ' + b"9" * 5000 + b"}",
        b"\xff\xfe{",
        b"\x80",
        b'{"siblings": 1e400}',
    ],
    ids=lambda data: ascii(data[:12]),
)
def test_an_answer_that_is_no_listing_is_refused(
    hub: Hub, pull: Pull, cache: Path, untouched: None, data: bytes, quick_tries: None
):
    hub.faults.add("hub/info", lambda *_: with_body(data))
    said = refused(pull())
    assert "no JSON" in said or "does not answer as a hub does" in said
    check_nothing_published(cache)


@pytest.fixture
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask once: what is no JSON is else asked for again, after a pause."""
    monkeypatch.setattr("whisper_cli.download.sources.hub._TRIES", 0)


def test_a_listing_that_never_ends_is_left(
    hub: Hub, pull: Pull, untouched: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("whisper_cli.download.http._LONGEST_JSON", 1000)
    hub.faults.add("hub/info", lambda *_: with_body(b" " * 5000))
    assert "more JSON than a hub sends" in refused(pull())


NOWHERE = [
    "file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "http://a:99999/x",
    "https://[::x]/", "javascript:x", "data:,x", "//[", "http://a:b/",
]  # fmt: skip


@pytest.mark.parametrize("target", NOWHERE)
@pytest.mark.parametrize("methods", [("HEAD",), ("HEAD", "GET")], ids=len)
@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_a_redirect_to_no_http_address_is_told(
    hub: Hub, pull: Pull, cache: Path, target: str, methods: tuple[str, ...], engine: str
):
    def astray(request: Request, answer: Answer) -> Answer | None:
        return text(302, headers=headers(answer)) if request.method in methods else None

    def headers(answer: Answer) -> dict[str, str]:
        return {**answer.headers, "Location": target, "Content-Length": "0"}

    hub.faults.add("hub/resolve/*", astray)
    result = pull("--engine", engine)
    if "GET" not in methods:  # asked ahead, and asked again in its turn
        check(result)
        return
    assert "redirects to no http address" in refused(result)
    check_nothing_published(cache)


@pytest.mark.parametrize("header", ["X-Repo-Commit", "X-Linked-Size", "X-Linked-ETag", "ETag"])
@pytest.mark.parametrize("value", ["../../hostile", "/tmp/hostile", "9" * 5000, "\xb2", ""])
def test_headers_of_a_hub_become_no_path(
    hub: Hub, pull: Pull, untouched_outside: None, header: str, value: str
):
    hub.faults.add("hub/resolve*", faults.with_headers({header: value}))
    check(pull())


@pytest.mark.parametrize("header", ["X-Repo-Commit", "X-Linked-ETag"])
@pytest.mark.parametrize("value", ["/../../hostile", "/tmp/hostile"])
def test_headers_of_a_hub_become_no_path_by_another_engine(
    hub: Hub, pull: Pull, untouched_outside: None, header: str, value: str
):
    hub.faults.add("hub/resolve*", faults.with_headers({header: value}))
    check(pull("--engine", "xet"))


@pytest.fixture
def untouched_outside(isolated: Path) -> Iterator[None]:
    yield
    assert not Path("/tmp/hostile").exists()
    assert [name for name in everything(isolated) if "hostile" in name] == []


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Range", "bytes 0-" + "9" * 5000 + "/*"),
        ("Content-Range", "bytes \xb2-\xb3/4"),
        ("Content-Range", "bytes -1--1/-1"),
        ("Content-Length", "9" * 5000),
        ("Content-Length", "-1"),
        ("Content-Length", "\xb2"),
        ("ETag", "\xff\x7f"),
        ("Content-Encoding", "\xff"),
    ],
)
def test_headers_of_a_content_are_right_or_an_error(
    hub: Hub, pull: Pull, cache: Path, header: str, value: str
):
    hub.faults.add("cdn/*", faults.with_headers({header: value}))
    result = pull("--progress", "none")
    assert "Traceback" not in result.stderr
    if result.code:
        refused(result)
        check_nothing_published(cache)
    else:
        check(result)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Retry-After", "\xb2"),
        ("Retry-After", "9" * 5000),
        ("Retry-After", "Mon, 01 Jan 9999 00:00:00 -0000"),
        ("Retry-After", "Mon, 99 Foo 0000 99:99:99 +99999999999"),
        ("RateLimit", '"x";r=0;t=' + "9" * 5000),
        ("X-Error-Code", "\xff" * 5000),
    ],
)
def test_a_refusal_with_odd_headers_is_a_refusal(
    hub: Hub, pull: Pull, untouched: None, header: str, value: str, quick_tries: None
):
    hub.faults.add("hub/info", lambda *_: text(403, headers={header: value}))
    result = pull()
    assert result.code in (4, 5)
    assert "Traceback" not in result.stderr


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(PATHS)
JSON: st.SearchStrategy[Any] = st.deferred(
    lambda: PLAIN | st.lists(JSON, max_size=3) | st.dictionaries(st.text(), JSON, max_size=3)
)
LISTING = {
    "sha": SHA1,
    "siblings": [
        {**ENTRY},
        {"rfilename": "model.bin", "size": 9, "blobId": SHA1, "lfs": {"sha256": SHA256, "size": 9}},
        {"rfilename": "vocabulary.txt", "size": 5, "blobId": SHA1, "lfs": None},
    ],
}
PLACES = [
    ("sha",),
    ("siblings",),
    *(("siblings", at) for at in range(3)),
    *(("siblings", at, key) for at in range(3) for key in ("rfilename", "size", "blobId", "lfs")),
    ("siblings", 1, "lfs", "sha256"),
]


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), max_size=3), st.booleans())
def test_what_is_made_of_a_listing_has_right_names_hashes_and_sizes(changes, all_files: bool):
    found = copy.deepcopy(LISTING)
    for where, value in changes:
        try:
            found = setting(where, value)(found)
        except (TypeError, KeyError, IndexError, AttributeError):
            continue  # an earlier change took the place away
    source = HubSource("http://127.0.0.1:9")
    try:
        model = source.read(resolve("acme/fake"), found, all_files=all_files)
    except ModelError:
        return
    assert is_commit(model.revision)
    for file in model.files:
        assert is_file_name(file.name)
        assert is_size(file.size)
        assert is_sha256(file.sha256) if file.lfs else is_commit(file.git_sha1)


@settings(max_examples=200)
@given(JSON)
def test_json_of_any_kind_is_a_model_or_an_error(found: Any):
    with pytest.raises(ModelError):
        HubSource("http://127.0.0.1:9").read(resolve("acme/fake"), found, all_files=True)


def test_a_folder_gives_no_more_than_a_file_should_have(cache: Path, tmp_path: Path):
    folder = write(tmp_path / "disk")
    (folder / "model.bin").unlink()
    (folder / "model.bin").symlink_to("/dev/zero")
    with pytest.raises(DownloadError, match=r"model\.bin has more than \d+ bytes"):
        list(fetch(fake_model(), using(FolderSource(folder))))
    assert list(cache.glob("models--*")) == []


class Neighbour:
    """Somebody who answers every request with the same bytes, and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            with line:
                line.settimeout(5)
                try:
                    if line.recv(65536):
                        line.sendall(self._answer)
                except OSError:
                    continue

    def close(self) -> None:
        self._server.close()


HEAD = b"HTTP/1.1 206 Partial Content\r\n"
ODD = [
    b"",
    b"\0" * 100,
    b"HTTP/1.1 999999999999 x\r\n\r\n",
    b"HTTP/1.1 -5 x\r\n\r\n",
    HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    HEAD + b"X: y\r\n" * 200 + b"\r\n",
    HEAD + b"Content-Range: bytes 0-0/" + b"9" * 5000 + b"\r\nContent-Length: 1\r\n\r\nx",
    HEAD + b"Content-Range: bytes 0-0/\xb2\r\nContent-Length: 1\r\n\r\nx",
    HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nx\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"9" * 5000 + b"\r\nx\r\n",
    *(f"HTTP/1.1 302 x\r\nLocation: {target}\r\n\r\n".encode() for target in NOWHERE),
    b"HTTP/1.1 302 x\r\nLocation: /\xff\r\n\r\n",
    b"HTTP/1.1 302 x\r\nLocation: http://a..b/\r\n\r\n",
    b"HTTP/1.1 302 x\r\nLocation: http://" + b"a" * 70 + b"/\r\n\r\n",
    b"HTTP/1.1 503 x\r\nRetry-After: \xb2\r\n\r\n",
]


@pytest.mark.parametrize("answer", ODD, ids=lambda answer: ascii(answer[:40]))
def test_a_neighbour_that_answers_oddly_is_passed_over_or_an_error(
    cache: Path, untouched_outside: None, answer: bytes
):
    pulled_from_neighbour(answer)
    assert list(cache.glob("models--*")) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([200, 206, 302, 416, 503]),
    st.dictionaries(
        st.sampled_from(
            ["Content-Range", "Content-Length", "Location", "ETag", "Retry-After", "Link"]
        ),
        st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=20),
    ),
    st.binary(max_size=20),
)
def test_a_neighbour_may_send_any_headers(cache: Path, status: int, headers, body: bytes):
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in headers.items())]
    pulled_from_neighbour("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    assert list(cache.glob("models--*")) == []


def pulled_from_neighbour(answer: bytes) -> None:
    neighbour = Neighbour(answer)
    source = PeerSource((neighbour.address,))
    try:
        with pytest.raises(DownloadError):
            list(fetch(fake_model(), using(source, limits=TransferLimits(idle_timeout=1, tries=0))))
    finally:
        neighbour.close()
