"""The hub's answers, header by header, where the clients' libraries would hide them."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_hub import ADMITTED, STRANGER, Hub, generate
from tests.fake_hub.client import ask, locate
from tests.fake_hub.conftest import CONFIG, SIZE
from tests.fake_hub.content import blob
from tests.fake_hub.messages import Request
from tests.fake_hub.ranges import serve


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_large_file_is_redirected_to_another_origin(hub: Hub, weights: Path) -> None:
    reply = ask(f"{hub.endpoint}/owner/tiny/resolve/main/model.bin", "HEAD")
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert reply.status == 302
    assert reply.headers["X-Linked-ETag"] == f'"{sha256}"'
    assert reply.headers["X-Linked-Size"] == str(SIZE)
    assert len(reply.headers["X-Repo-Commit"]) == 40
    assert reply.headers["Location"].startswith(f"{hub.cdn_endpoint}/")
    assert ask(reply.headers["Location"]).body == weights.read_bytes()


def test_a_small_file_is_redirected_inside_the_hub(hub: Hub) -> None:
    first = ask(f"{hub.endpoint}/owner/tiny/resolve/main/config.json", "HEAD")
    assert first.status == 307
    assert first.headers["Location"].startswith("/api/resolve-cache/models/owner/tiny/")
    destination = hub.endpoint + first.headers["Location"]
    head = ask(destination, "HEAD", headers={"Accept-Encoding": "identity"})
    oid = hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG).hexdigest()
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (f'"{oid}"', str(len(CONFIG)))
    assert (head.body, ask(destination).body) == (b"", CONFIG)


def test_a_small_file_is_compressed_for_those_who_accept_it(hub: Hub) -> None:
    destination = hub.endpoint + locate(hub, "owner/tiny/resolve/main/config.json")
    reply = ask(destination, headers={"Accept-Encoding": "gzip"})
    assert reply.headers["ETag"].startswith('W/"')
    assert reply.headers.get("Content-Length") is None
    assert gzip.decompress(reply.body) == CONFIG


@pytest.mark.parametrize(
    ("asked", "first", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        (f"bytes={SIZE - 4}-", SIZE - 4, SIZE),
        (f"bytes={SIZE - 4}-{SIZE}", SIZE - 4, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes=-{SIZE * 2}", 0, SIZE),
    ],
)
def test_a_range_is_answered_exactly(
    url: str, weights: Path, asked: str, first: int, stop: int
) -> None:
    reply = ask(url, headers={"Range": asked})
    assert reply.status == 206
    assert reply.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{SIZE}"
    assert reply.body == weights.read_bytes()[first:stop]


def test_a_range_past_the_end_tells_the_size(url: str) -> None:
    reply = ask(url, headers={"Range": f"bytes={SIZE}-"})
    assert (reply.status, reply.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


@given(start=st.integers(0, 60), length=st.integers(1, 60))
def test_ranges_are_slices(start: int, length: int) -> None:
    content = bytes(range(50))
    headers = {"range": f"bytes={start}-{start + length - 1}"}
    answer = serve(Request("GET", "/", headers, b"", 0, 0), blob(content))
    body = answer.body.read(answer.body.start, answer.body.stop)
    assert (answer.status, body) == (
        (206, content[start : start + length]) if start < 50 else (416, b"range not satisfiable")
    )


def test_if_range_guards_against_another_content(url: str) -> None:
    etag = ask(url, "HEAD").headers["ETag"]
    asked = {"Range": "bytes=0-9"}
    assert ask(url, headers={**asked, "If-Range": etag}).status == 206
    assert ask(url, headers={**asked, "If-Range": '"stale"'}).status == 200


def test_a_long_tree_comes_in_pages(tmp_path: Path) -> None:
    with Hub(page=3) as hub:
        hub.add_repo("owner/many", {f"{number}.txt": b"" for number in range(7)})
        destination, seen = f"{hub.endpoint}/api/models/owner/many/tree/main?recursive=true", []
        while destination:
            reply = ask(destination)
            seen.append([entry["path"] for entry in json.loads(reply.body)])
            destination = reply.headers.get("Link", "").partition(">")[0][1:]
    assert [len(page) for page in seen] == [3, 3, 1]
    assert [path for page in seen for path in page] == [f"{number}.txt" for number in range(7)]


def test_a_renamed_repository_redirects_to_the_same_place_under_its_name(hub: Hub) -> None:
    hub.rename("owner/tiny", "heir/tiny")
    for path in ("/api/models/{}/tree/main?recursive=true", "/{}/resolve/main/model.bin"):
        reply = ask(hub.endpoint + path.format("owner/tiny"))
        assert (reply.status, reply.headers["Location"]) == (307, path.format("heir/tiny"))
        assert ask(hub.endpoint + path.format("heir/tiny"), "HEAD").status in {200, 302}


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("owner/tiny/resolve/main/none.bin", {}, 404, "EntryNotFound"),
        ("owner/tiny/resolve/v9/model.bin", {}, 404, "RevisionNotFound"),
        ("owner/none/resolve/main/model.bin", {}, 401, "RepoNotFound"),
        ("owner/none/resolve/main/model.bin", bearer(STRANGER), 404, "RepoNotFound"),
        ("owner/private/resolve/main/model.bin", {}, 401, "RepoNotFound"),
        ("owner/private/resolve/main/model.bin", bearer(ADMITTED), 302, None),
        ("owner/gated/resolve/main/model.bin", {}, 401, "GatedRepo"),
        ("owner/gated/resolve/main/model.bin", bearer(STRANGER), 403, "GatedRepo"),
        ("owner/gated/resolve/main/model.bin", bearer(ADMITTED), 302, None),
        ("owner/disabled/resolve/main/model.bin", {}, 403, None),
        ("owner/tiny/resolve/main/model.bin", bearer("hf_wrong"), 401, None),
        ("api/agent-harnesses", {}, 404, None),
        ("api/whoami-v2", {}, 401, None),
        ("api/whoami-v2", bearer(STRANGER), 200, None),
    ],
)
def test_refusals_have_the_hubs_status_and_code(
    hub: Hub, path: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    hub.add_repo("owner/gated", {"model.bin": b"g"}, gated=True)
    hub.add_repo("owner/private", {"model.bin": b"p"}, private=True)
    hub.add_repo("owner/disabled", {"model.bin": b"d"}, disabled=True)
    reply = ask(f"{hub.endpoint}/{path}", headers=headers)
    assert (reply.status, reply.headers.get("X-Error-Code")) == (status, code)
    if status >= 400:
        assert json.loads(reply.body)["error"]


def test_search_finds_public_repositories_by_a_part_of_their_name(hub: Hub) -> None:
    hub.add_repo("owner/private-tiny", {}, private=True)
    found = json.loads(ask(f"{hub.endpoint}/api/models?search=TIN").body)
    assert [model["id"] for model in found] == ["owner/tiny"]


def test_requests_are_recorded_with_what_they_got(hub: Hub, url: str) -> None:
    ask(url, headers={"Range": "bytes=0-9", "If-Range": '"x"'})
    ask(f"{hub.endpoint}/api/models/owner/none")
    head, get, info = hub.requests
    assert (head.method, head.where, head.status) == ("HEAD", "hub/resolve/model.bin", 302)
    assert (get.where, get.range, get.headers["if-range"]) == ("cdn/model.bin", "bytes=0-9", '"x"')
    assert (get.status, get.sent, info.where, info.status) == (200, SIZE, "hub/info", 401)
    assert get.port != info.port


def test_a_commit_is_named_by_its_content_and_its_parent(hub: Hub) -> None:
    with Hub() as other:
        first = other.add_repo("owner/a", {"model.bin": b"1"})
        assert first == hub.add_repo("owner/a", {"model.bin": b"1"})
        assert first != other.add_repo("owner/a", {"model.bin": b"2"}) != hub.add_repo("b/b", {})
        assert other.add_repo("owner/a", {}, sha="f" * 40) == "f" * 40


def test_generated_content_is_reproducible_and_differs_everywhere(tmp_path: Path) -> None:
    size = (2 << 20) + 5
    content = generate(tmp_path / "a", size).read_bytes()
    assert len(content) == size
    assert content == generate(tmp_path / "b", size).read_bytes()
    assert content != generate(tmp_path / "c", size, seed=1).read_bytes()
    assert content[: 1 << 20] != content[1 << 20 : 2 << 20]
