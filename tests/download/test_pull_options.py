"""What a person may ask of a pull."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CLOSED, Result
from tests.download.conftest import Pull
from tests.download.pulls import (
    CHUNK,
    EXTRA,
    MODEL,
    REPO,
    WEIGHTS,
    check,
    check_nothing_published,
    contents,
    only_until,
    weights_asked,
    weights_sent,
)
from tests.fake_hub import Hub, Link, faults
from tests.models.fakes import fake_model, using, write
from whisper_cli.download.fetch import ensure
from whisper_cli.download.sources.hub import HubSource


def test_dry_run_tells_files_sizes_and_source_and_fetches_nothing(
    hub: Hub, pull: Pull, cache: Path
):
    result = pull("--dry-run")
    assert (result.code, result.stderr) == (0, "")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert {row[1] for row in rows} == set(MODEL)
    assert {(row[0], *row[3:]) for row in rows} == {(REPO, "fetch", "hub")}
    assert [row[2] for row in rows if row[1] == "model.bin"] == ["2.5 MB"]
    assert [request.where for request in hub.requests if request.method == "GET"] == ["hub/info"]
    assert not cache.exists()


def test_dry_run_tells_what_is_here_and_what_was_begun(hub: Hub, pull: Pull):
    hub.faults.add("cdn/model.bin", only_until(1_300_000))
    assert pull("--connections", "1").code == 5
    rows = [line.split("\t") for line in pull("--dry-run").stdout.splitlines()]
    assert {row[1]: row[3] for row in rows}["model.bin"] == "52% here"
    hub.faults.clear()
    check(pull())
    hub.requests.clear()
    rows = [line.split("\t") for line in pull("--dry-run").stdout.splitlines()]
    assert {row[3] for row in rows} == {"here"}
    assert not weights_asked(hub)


def test_output_is_a_plain_folder_and_leaves_the_cache_alone(
    hub: Hub, pull: Pull, cache: Path, tmp_path: Path
):
    folder = tmp_path / "some" / "model"
    result = pull("--output", folder)
    assert (result.code, result.stdout) == (0, f"{folder}\n")
    assert contents(folder) == MODEL
    assert not cache.exists()
    hub.requests.clear()
    assert pull("--output", folder).code == 0
    assert not weights_asked(hub)


def test_output_mends_only_the_file_that_is_wrong(hub: Hub, pull: Pull, tmp_path: Path):
    write(tmp_path / "model", {**MODEL, "model.bin": bytes(len(WEIGHTS)), "mine.txt": b"mine"})
    assert pull("--output", tmp_path / "model").code == 0
    assert contents(tmp_path / "model") == {**MODEL, "mine.txt": b"mine"}
    asked = {request.where for request in hub.requests if request.method == "GET"}
    assert asked == {"hub/info", "cdn/model.bin"}


def test_all_files_are_every_file_of_the_repository(hub: Hub, pull: Pull):
    check(pull())
    check(pull("--all-files"), MODEL | EXTRA)
    assert weights_sent(hub) == len(WEIGHTS)


def test_limit_rate_holds_over_all_connections(hub: Hub, pull: Pull):
    started = time.monotonic()
    check(pull("--limit-rate", "2MB", "--connections", "4"))
    assert time.monotonic() - started > 0.9 * len(WEIGHTS) / 2_000_000


def test_connections_and_chunk_size_are_what_was_asked_for(hub: Hub, pull: Pull):
    hub.link = Link(per_connection=1_500_000)
    check(pull("--connections", "3", "--chunk-size", "200kB"))
    assert len({request.client for request in weights_asked(hub)}) <= 3
    assert "bytes=0-199999" in [request.range for request in weights_asked(hub)]


def test_force_fetches_again_what_is_here(hub: Hub, pull: Pull):
    check(pull())
    check(pull("--force"))
    assert weights_sent(hub) == 2 * len(WEIGHTS)


def test_a_model_that_is_here_makes_no_request_at_all(hub: Hub, pull: Pull):
    folder = check(pull())
    hub.requests.clear()
    assert pull() == Result(0, f"{folder}\n", "")
    assert hub.requests == []


def test_force_mends_a_damaged_model(hub: Hub, pull: Pull):
    (check(pull()) / "model.bin").write_bytes(bytes(len(WEIGHTS)))
    check(pull("--force"))


def test_of_a_damaged_catalogue_model_only_the_wrong_file_is_fetched(hub: Hub):
    model = fake_model(MODEL, REPO, hub.add_repo(REPO, MODEL))
    (ensure(model, using(HubSource())) / "model.bin").write_bytes(bytes(len(WEIGHTS)))
    hub.requests.clear()
    assert contents(ensure(model, using(HubSource(), checked=True))) == MODEL
    assert {request.where for request in hub.requests} == {"hub/resolve/model.bin", "cdn/model.bin"}


def test_a_folder_is_a_source_and_wrong_files_in_it_are_not_taken(
    hub: Hub, run: Callable[..., Result], cache: Path, tmp_path: Path
):
    write(tmp_path / "tiny.en", MODEL)
    result = run("pull", "tiny.en", "--source", f"folder:{tmp_path}")
    assert result.code == 5
    assert "is damaged" in result.stderr
    check_nothing_published(cache)


def test_sources_are_asked_in_order_and_side_by_side(
    hub: Hub, run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hub.link = Link(per_connection=400_000)
    with Hub(link=Link(per_connection=400_000)) as mirror:
        mirror.add_repo(REPO, MODEL | EXTRA)
        sources = [CLOSED, f"folder:{tmp_path}", mirror.endpoint, "hub"]
        options = [option for source in sources for option in ("--source", source)]
        check(run("pull", REPO, *options, "--connections", "4", "--chunk-size", "256KiB"))
        assert weights_asked(mirror)
        assert weights_asked(hub)
        assert weights_sent(mirror) + weights_sent(hub) < len(WEIGHTS) + 4 * CHUNK


def test_a_mirror_that_lies_is_found_out(hub: Hub, run: Callable[..., Result], cache: Path):
    hub.faults.add("cdn/*", faults.corrupt(1_000_000))
    with Hub() as mirror:
        mirror.add_repo(REPO, MODEL)
        result = run("pull", REPO, "--source", hub.endpoint, "--chunk-size", "256KiB")
        assert result.code == 5
        check_nothing_published(cache)
        check(run("pull", REPO, "--source", mirror.endpoint))


def test_several_models_are_pulled_one_after_the_other(hub: Hub, run: Callable[..., Result]):
    hub.add_repo("acme/second", MODEL)
    result = run("pull", REPO, "acme/second", "--source", "hub")
    assert result.code == 0
    assert [contents(Path(line)) for line in result.stdout.splitlines()] == [MODEL, MODEL]


def test_a_partial_file_is_finished_by_ranges_whatever_the_engine_and_said_so(hub: Hub, pull: Pull):
    hub.faults.add("cdn/model.bin", only_until(1_300_000))
    assert pull("--connections", "1").code == 5
    hub.faults.clear()
    hub.requests.clear()
    result = pull("--engine", "hf-transfer")
    check(result)
    assert "model.bin is pulled by ranges: it is partly here" in result.stderr
    assert weights_sent(hub) == len(WEIGHTS) - 1_300_000
