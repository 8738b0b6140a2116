import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from tests.models.fakes import FILES, fake_model, using, write
from whisper_cli.download.destinations import Cache, working_folder
from whisper_cli.download.fetch import ensure, fetch
from whisper_cli.download.locking import PullLock
from whisper_cli.download.sources.folder import FolderSource
from whisper_cli.download.types import Phase, Progress
from whisper_cli.errors import DownloadError
from whisper_cli.models.store import find

TOLD = Progress("model.bin", Phase.download, "hub", 1, 2)


def take(turn: PullLock) -> tuple[list[Progress], bool]:
    """Wait for a turn: what was told meanwhile, and whether there was a wait at all."""
    reported, pending = [], turn.wait()
    while True:
        try:
            reported.append(next(pending))
        except StopIteration as end:
            return reported, end.value


def silence(folder: Path) -> None:
    """Make the holder's last sign of life old, as if it were dead and its lock had stayed."""
    for path in folder.iterdir():
        os.utime(path, (time.time() - 100,) * 2)


def test_a_turn_that_nobody_has_is_ours_at_once(tmp_path: Path):
    turn = PullLock(tmp_path / "turns", "model")
    assert take(turn) == ([], False)
    assert turn.owned
    turn.leave()
    assert list(tmp_path.iterdir()) == []


def test_who_waits_is_told_how_far_it_is(tmp_path: Path):
    one, two = (PullLock(tmp_path, "model") for _ in range(2))
    take(one)
    one._updated_at = 0.0
    one.tell(TOLD)
    pending = two.wait()
    assert next(pending) == TOLD
    one.leave()
    with pytest.raises(StopIteration) as end:
        next(pending)
    assert end.value.value is True
    assert two.owned
    two.leave()


def test_a_lock_that_a_dead_process_left_does_not_block(tmp_path: Path):
    one, two = (PullLock(tmp_path, "model") for _ in range(2))
    take(one)
    silence(tmp_path)
    take(two)
    assert (one.owned, two.owned) == (False, True)
    one.leave()
    assert two.owned
    two.leave()


def test_a_lock_without_any_sign_of_life_does_not_block_either(tmp_path: Path):
    with FileLock(tmp_path / "model.lock"):
        silence(tmp_path)
        turn = PullLock(tmp_path, "model")
        take(turn)
        assert turn.owned
        turn.leave()


def test_news_that_make_no_sense_are_passed_over(tmp_path: Path):
    one, two = (PullLock(tmp_path, "model") for _ in range(2))
    take(one)
    (tmp_path / "model.json").write_text('{"owner": 1, "told": [{"file": 3')
    silence(tmp_path)
    assert take(two) == ([], True)
    two.leave()
    one.leave()


def test_who_lost_its_turn_publishes_nothing_and_the_other_does(cache: Path, tmp_path: Path):
    write(tmp_path / "fake", FILES)
    how = using(FolderSource(tmp_path))
    stopped = fetch(fake_model(), how)
    next(stopped)
    silence(working_folder(Cache()) / "turns")
    folder = ensure(fake_model(), how)
    with pytest.raises(DownloadError, match="another process went on with this download"):
        list(stopped)
    assert find(fake_model()) == folder


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs Unix")
@pytest.mark.parametrize("suffix", [".json", ".lock"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_stands_in_the_place_of_a_turns_files_is_not_written_through(tmp_path, suffix, kind):
    folder, target = tmp_path / "turns", tmp_path / "target"
    folder.mkdir()
    target.write_text("somebody's own")
    destination = folder / f"model{suffix}"
    if kind == "link":
        destination.symlink_to(target)
    else:
        os.mkfifo(destination)
    turn = PullLock(folder, "model")
    try:
        take(turn)
    except OSError:
        assert suffix == ".lock"
    assert list(turn._other_progress()) == []
    turn.leave()
    assert target.read_text() == "somebody's own"
