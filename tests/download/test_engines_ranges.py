import hashlib
import threading
import time
from dataclasses import replace

import pytest

from tests.download.engines import (
    CHUNK,
    DATA,
    FEW,
    hub_with,
    job_for,
    on_cdn,
    remote_file,
    run,
    sent,
)
from tests.fake_hub import ADMITTED, Link, Proxy, faults, make_authority
from whisper_cli.download.engines.ranges import Ranges
from whisper_cli.download.part_file import PartJournal
from whisper_cli.download.types import BlockHashes, RemoteFile, TransferLimits
from whisper_cli.errors import DownloadError


@pytest.fixture
def hub():
    with hub_with() as hub:
        yield hub


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    owned = ("fetch-", "journal", "checksum")
    deadline = time.monotonic() + 60
    while left := [t.name for t in threading.enumerate() if t.name.startswith(owned)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def test_a_file_comes_whole_over_several_connections(hub, tmp_path):
    job = job_for(tmp_path, remote_file(hub))
    progress = run(Ranges(), job)
    assert job.part.read_bytes() == DATA
    assert (progress[-1].phase, progress[-1].done, progress[-1].source) == (
        "verify", len(DATA), "hub",
    )  # fmt: skip
    assert len({request.client for request in on_cdn(hub)}) > 1
    assert sent(hub) < len(DATA) + 3 * CHUNK


def test_progress_never_goes_back(hub, tmp_path):
    hub.link = Link(per_connection=400_000)
    done = [
        p.done for p in run(Ranges(), job_for(tmp_path, remote_file(hub))) if p.phase == "download"
    ]
    assert done == sorted(done)
    assert len(done) > 3


def test_connections_are_kept_alive_and_redirects_followed_once(hub, tmp_path):
    run(Ranges(), job_for(tmp_path, remote_file(hub)), replace(FEW, connections=1))
    assert len({request.client for request in on_cdn(hub)}) == 1
    assert len([r for r in hub.requests if r.where.startswith("hub/")]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.cut(after=10_000),
        faults.cut(after=10_000, reset=False),
        faults.cut(),
        faults.stall(after=20_000),
        faults.short(1000),
        faults.short(1000, reported=True),
        faults.reject(500),
        faults.reject(503),
        faults.reject(429, retry_after=1),
        faults.reject(429),
        faults.reject(403),
        faults.chunked,
        faults.gzipped,
        faults.delay(0.3),
        faults.slow(30_000),
        faults.no_ranges(),
        faults.no_ranges(admitted=False),
    ],
)
def test_a_fault_that_passes_ends_in_the_right_file(hub, tmp_path, fault):
    hub.faults.add("cdn/*", fault, times=3, skip=2)
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA


@pytest.mark.parametrize(
    "fault",
    [
        faults.no_ranges(),
        faults.chunked,
        faults.cut(after=50_000),
        faults.short(900, reported=True),
    ],
)
def test_a_fault_that_lasts_but_lets_bytes_through_ends_in_the_right_file(hub, tmp_path, fault):
    hub.faults.add("cdn/*", fault)
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA


def test_a_source_without_ranges_is_taken_as_one_stream(hub, tmp_path):
    hub.faults.add("cdn/*", faults.no_ranges())
    run(Ranges(), job_for(tmp_path, remote_file(hub)))
    hub.faults.clear()
    assert max(request.sent for request in on_cdn(hub)) == len(DATA)


def test_a_chunked_stream_without_length_is_read_to_its_end(hub, tmp_path):
    hub.faults.add("cdn/*", faults.no_ranges())
    hub.faults.add("cdn/*", faults.chunked)
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA


def test_a_retry_asks_only_for_the_rest(hub, tmp_path):
    hub.faults.add("cdn/*", faults.cut(after=40_000, reset=False), times=1)
    run(
        Ranges(),
        job_for(tmp_path, remote_file(hub)),
        replace(FEW, connections=1, chunk_size=100_000),
    )
    assert "bytes=40000-99999" in [request.range for request in on_cdn(hub)]
    assert sent(hub) < len(DATA) + 60_000 + 1


def test_an_expired_address_is_resolved_again(hub, tmp_path):
    hub.signer.uses = 4
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA
    assert 403 in {request.status for request in on_cdn(hub)}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.reject(404), "404"),
        (faults.reject(500), "500"),
        (faults.reject(403), "403"),
        (faults.cut(), "ended at byte|reset"),
        (faults.stall(), "hub stalled: no byte of model.bin"),
    ],
)
def test_a_fault_that_stays_is_an_error_that_names_it(hub, tmp_path, fault, message):
    hub.faults.add("cdn/*", fault)
    with pytest.raises(DownloadError, match=message) as error:
        run(Ranges(), job_for(tmp_path, remote_file(hub)), replace(FEW, tries=1, idle_timeout=0.3))
    assert "Signature" not in error.value.message


def test_wrong_bytes_that_stay_are_fetched_twice_and_then_an_error(hub, tmp_path):
    hub.faults.add("cdn/*", faults.corrupt(10))
    job = job_for(tmp_path, remote_file(hub))
    with pytest.raises(DownloadError, match=f"model.bin from hub .* expected {job.sha256}, got"):
        run(Ranges(), job)
    assert sent(hub) >= 2 * len(DATA)


def test_a_wrong_byte_once_is_fetched_again(hub, tmp_path):
    hub.faults.add("cdn/*", faults.corrupt(500_000), times=1)
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA


def test_only_a_bad_piece_is_fetched_again_where_piece_hashes_are_known(hub, tmp_path):
    hub.faults.add("cdn/*", faults.corrupt(300_000), times=1)
    pieces = [DATA[at : at + 100_000] for at in range(0, len(DATA), 100_000)]
    known = BlockHashes(100_000, tuple(hashlib.sha256(piece).hexdigest() for piece in pieces))
    job = job_for(tmp_path, remote_file(hub), pieces=known)
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA
    assert sent(hub) < len(DATA) + 100_000 + 4 * CHUNK


def test_a_small_file_is_verified_by_its_git_name(hub, tmp_path):
    data = b'{"small": true}' * 30
    name = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    job = job_for(
        tmp_path, remote_file(hub, file="config.json"), data=data, sha256=None, git_sha1=name
    )
    run(Ranges(), job)
    assert job.part.read_bytes() == data
    with pytest.raises(DownloadError, match="expected 00, got"):
        run(Ranges(), replace(job, git_sha1="00"))


def test_an_empty_file_needs_no_request(hub, tmp_path):
    job = job_for(tmp_path, remote_file(hub), data=b"")
    run(Ranges(), job)
    assert job.part.read_bytes() == b""
    assert not hub.requests


def test_a_file_that_changes_in_the_middle_is_fetched_anew(hub, tmp_path):
    hub.link = Link(per_connection=300_000)
    old = hashlib.shake_256(b"old").digest(len(DATA))
    hub.faults.add("cdn/*", faults.changed(old), times=5)
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA


@pytest.mark.parametrize("size", [10, len(DATA) - 1, len(DATA) + 1])
def test_a_file_of_another_size_is_refused(tmp_path, size):
    with hub_with(bytes(size)) as hub, pytest.raises(DownloadError, match=r"expected|has no bytes"):
        run(Ranges(), job_for(tmp_path, remote_file(hub)))


def test_several_sources_share_the_work(tmp_path):
    with hub_with() as one, hub_with() as two:
        job = job_for(tmp_path, remote_file(one, "one"), remote_file(two, "two"))
        assert run(Ranges(), job)[-1].source == "one + two"
        assert job.part.read_bytes() == DATA
        assert sent(one) + sent(two) < len(DATA) + 4 * CHUNK


def test_a_source_that_fails_is_passed_over(hub, tmp_path):
    with hub_with() as bad:
        bad.faults.add("cdn/*", faults.reject(404))
        dead = RemoteFile("dead", "http://127.0.0.1:9/x")
        job = job_for(tmp_path, dead, remote_file(bad, "bad"), remote_file(hub, "good"))
        assert run(Ranges(), job)[-1].source == "good"
        assert job.part.read_bytes() == DATA


def test_when_all_sources_fail_each_is_named_with_its_reason(hub, tmp_path):
    hub.faults.add("cdn/*", faults.reject(404))
    dead = RemoteFile("dead", "http://127.0.0.1:9/x")
    with pytest.raises(DownloadError, match=r"no source could give model\.bin: .*dead: no conn"):
        run(Ranges(), job_for(tmp_path, remote_file(hub), dead))


def test_the_token_stays_with_the_hub(hub, tmp_path):
    run(Ranges(), job_for(tmp_path, remote_file(hub, Authorization=f"Bearer {ADMITTED}")))
    assert not any("authorization" in request.headers for request in on_cdn(hub))
    assert any("authorization" in r.headers for r in hub.requests if r.where.startswith("hub"))


def test_the_limit_of_bytes_a_second_holds_for_all_connections(hub, tmp_path):
    started_at = time.monotonic()
    run(Ranges(), job_for(tmp_path, remote_file(hub)), replace(FEW, limit_rate=500_000))
    assert time.monotonic() - started_at > 0.8 * len(DATA) / 500_000


def test_closing_stops_at_once_and_the_next_run_goes_on(hub, tmp_path):
    hub.link = Link(per_connection=200_000)
    job = job_for(tmp_path, remote_file(hub))
    stream = Ranges().fetch(job, FEW, threading.Event())
    next(progress for progress in stream if progress.done > 300_000)
    stream.close()
    there, before = PartJournal(job).read().total, sent(hub)
    assert there > 300_000 - FEW.connections * CHUNK
    hub.link = Link()
    hub.requests.clear()
    progress = run(Ranges(), job, replace(FEW, chunk_size=50_000))
    assert progress[0].resumed == there
    assert job.part.read_bytes() == DATA
    assert before


def test_a_whole_part_is_verified_again_without_a_request(hub, tmp_path):
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    hub.requests.clear()
    run(Ranges(), job)
    assert not hub.requests


def test_a_part_of_another_content_is_not_continued(hub, tmp_path):
    other = bytes(len(DATA))
    with hub_with(other) as old:
        run(Ranges(), job_for(tmp_path, remote_file(old), data=other))
    job = job_for(tmp_path, remote_file(hub))
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA


def test_a_lying_journal_is_found_out_by_the_hash(hub, tmp_path):
    job = job_for(tmp_path, remote_file(hub))
    journal = PartJournal(job)
    run(Ranges(), job)
    job.part.write_bytes(bytes(len(DATA)))
    journal.note([(0, 700_000)])
    run(Ranges(), job)
    assert job.part.read_bytes() == DATA


def test_tls_is_verified_with_the_certificates_of_the_environment(tmp_path, monkeypatch):
    authority = make_authority(tmp_path)
    with hub_with(authority=authority) as hub:
        job = job_for(tmp_path, remote_file(hub))
        with pytest.raises(DownloadError, match="certificate"):
            run(Ranges(), job, replace(FEW, tries=0))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        run(Ranges(), job)
        assert job.part.read_bytes() == DATA
        with Proxy("me:secret") as proxy:
            monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//me:secret@"))
            run(Ranges(), replace(job, part=tmp_path / "proxied"))
            assert proxy.requests


def test_a_plain_proxy_is_used_unless_no_proxy_names_the_host(hub, tmp_path, monkeypatch):
    with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        run(Ranges(), job_for(tmp_path, remote_file(hub)))
        assert proxy.requests
        seen = len(proxy.requests)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        run(Ranges(), job_for(tmp_path / "again", remote_file(hub)))
        assert len(proxy.requests) == seen


def test_an_unwritable_folder_is_an_error_with_a_hint(hub, tmp_path):
    (tmp_path / "parts").write_text("a file in the way")
    with pytest.raises(DownloadError, match="can't write") as error:
        run(Ranges(), job_for(tmp_path, remote_file(hub)))
    assert error.value.hint


def test_connections_are_added_while_that_brings_more(tmp_path):
    data = hashlib.shake_256(b"big").digest(6_000_000)
    with hub_with(data, link=Link(per_connection=300_000)) as hub:
        job = job_for(tmp_path, remote_file(hub), data=data)
        connections = [p.connections for p in run(Ranges(), job, TransferLimits(chunk_size=CHUNK))]
        assert connections[0] <= 4
        assert max(connections) > 4


def test_the_last_bytes_are_shared_so_that_all_connections_end_together(tmp_path):
    with hub_with(link=Link(per_connection=250_000)) as hub:
        started_at = time.monotonic()
        run(
            Ranges(),
            job_for(tmp_path, remote_file(hub)),
            TransferLimits(connections=4, chunk_size=900_000),
        )
        assert time.monotonic() - started_at < 2.5, "one connection alone needs 3.6 s for its chunk"
