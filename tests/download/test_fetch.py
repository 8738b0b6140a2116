import errno
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest

from tests.models.fakes import COMMIT, FILES, fake_model, using, write
from whisper_cli.config.settings import Settings
from whisper_cli.download.fetch import ensure, fetch
from whisper_cli.download.locking import staging
from whisper_cli.download.sources import SOURCES, default_sources, source
from whisper_cli.download.types import Phase, Progress
from whisper_cli.errors import DownloadError, ModelError, SourceUnavailable
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model
from whisper_cli.models.store import find, installed


@dataclass
class FakeSource:
    """A source that gives these files, or fails as it is told to."""

    files: Mapping[str, bytes] = field(default_factory=lambda: FILES)
    failure: Exception | None = None
    name: str = "fake"

    def pin(self, model: Model, *, all_files: bool = False) -> Model:
        return model

    def download(self, model: Model, folder: Path) -> Iterator[Progress]:
        for name, data in self.files.items():
            write(folder, {name: data})
            yield Progress(name, Phase.download, self.name, len(data), len(data))
        if self.failure:
            raise self.failure


def visible(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("**/*")) if cache.exists() else []


def test_every_file_is_downloaded_verified_and_then_published(cache: Path):
    seen = list(fetch(fake_model(), using(FakeSource())))
    phases = [progress.phase for progress in seen]
    assert phases == sorted(phases, key=list(Phase).index)
    assert seen[-1] == Progress(
        "fake", Phase.publish, "fake", fake_model().size or 0, fake_model().size
    )
    assert all(progress.done <= (progress.total or 0) for progress in seen)
    assert [model.verified for model in installed()] == [True]
    assert not (cache / ".whisper-cli").exists()


def test_a_model_that_is_here_asks_no_source(cache: Path):
    list(fetch(fake_model(), using(FakeSource())))
    before = usage.load()
    folder = ensure(fake_model(), using(offline=True))
    assert folder == find(fake_model())
    assert before.last_used(folder) is None
    assert usage.load().last_used(folder) is not None


def test_what_another_tool_pulled_is_verified_and_not_fetched(cache: Path, isolated: Path):
    list(fetch(fake_model(), using(FakeSource())))
    (isolated / "state" / "models.json").unlink()  # as if we had never seen it
    folder = ensure(fake_model(), using(checked=True))
    assert all(usage.load().is_verified(path) for path in folder.iterdir())
    assert not (cache / ".whisper-cli").exists()


def test_a_model_that_is_not_here_is_fetched_and_its_progress_shown(cache: Path):
    shown: list[Progress] = []
    folder = ensure(fake_model(), using(FakeSource()), show=shown.extend)
    assert folder.name == COMMIT
    assert shown[-1].phase is Phase.publish


def test_force_fetches_what_is_here(cache: Path):
    list(fetch(fake_model(), using(FakeSource())))
    shown: list[Progress] = []
    ensure(fake_model(), using(FakeSource(), force=True), show=shown.extend)
    assert shown


@pytest.mark.parametrize("variable", [None, "HF_HUB_OFFLINE"])
def test_offline_forbids_fetching(
    cache: Path, variable: str | None, monkeypatch: pytest.MonkeyPatch
):
    if variable:
        monkeypatch.setenv(variable, "1")
    with pytest.raises(ModelError, match=f'"fake" is not here, and {variable or "--offline"}') as e:
        ensure(fake_model(), using(FakeSource(), offline=variable is None))
    assert e.value.exit_code == 4
    assert not isinstance(e.value, DownloadError)
    assert e.value.hint == (
        "unset HF_HUB_OFFLINE" if variable else "whisper-cli pull fake --no-offline"
    )
    assert visible(cache) == []


def test_wrong_bytes_are_an_error_that_names_both_hashes_and_publish_nothing(cache: Path):
    wrong = FakeSource(FILES | {"model.bin": b"wrong"})
    expected = fake_model().files[1].sha256
    with pytest.raises(DownloadError, match=rf"model\.bin is damaged: expected sha256 {expected}, "
                       r"got [0-9a-f]{64} \(from fake\)") as caught:  # fmt: skip
        list(fetch(fake_model(), using(wrong, FakeSource())))
    assert caught.value.exit_code == 5
    assert not isinstance(caught.value, SourceUnavailable)
    assert visible(cache) == []
    list(fetch(fake_model(), using(FakeSource())))
    assert find(fake_model())


def test_an_unavailable_source_is_passed_over_even_in_the_middle(
    cache: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "whisper_cli")
    broken = FakeSource({"config.json": b"half"}, SourceUnavailable("the cable broke"), "wire")
    sources = {progress.source for progress in fetch(fake_model(), using(broken, FakeSource()))}
    assert sources == {"wire", "fake"}
    assert "passed over wire: the cable broke" in caplog.text
    assert find(fake_model())


def test_when_no_source_is_left_the_error_says_why_for_each(cache: Path):
    sources = [FakeSource({}, SourceUnavailable(f"reason {name}"), name) for name in "ab"]
    with pytest.raises(DownloadError, match="a: reason a; b: reason b") as caught:
        list(fetch(fake_model(), using(*sources)))
    assert caught.value.exit_code == 5
    assert visible(cache) == []


@pytest.mark.parametrize(
    ("code", "hint"), [(errno.ENOSPC, "another disk"), (errno.EROFS, "you can write")]
)
def test_a_disk_that_takes_no_more_is_said_with_a_hint(cache: Path, code: int, hint: str):
    failing = FakeSource({}, OSError(code, os.strerror(code)))
    with pytest.raises(DownloadError, match=os.strerror(code)) as caught:
        list(fetch(fake_model(), using(failing, FakeSource())))
    assert hint in str(caught.value.hint)
    assert visible(cache) == []


def test_a_cache_that_cannot_be_made_is_said(cache: Path):
    cache.write_text("a file where the cache should be")
    with pytest.raises(DownloadError, match="can't write to"):
        list(fetch(fake_model(), using(FakeSource())))


def test_closing_in_the_middle_leaves_nothing(cache: Path):
    progress = fetch(fake_model(), using(FakeSource()))
    next(progress)
    assert visible(cache) != []
    progress.close()
    assert visible(cache) == []


def test_of_two_at_once_one_fetches_and_the_other_takes_what_came(cache: Path):
    one = fetch(fake_model(), using(FakeSource()))
    next(one)
    shown: list[Progress] = []
    two = Thread(target=ensure, args=(fake_model(), using()), kwargs={"show": shown.extend})
    two.start()
    time.sleep(0.3)  # it waits for its turn, and has no source of its own
    list(one)
    two.join()
    assert find(fake_model())
    assert not (cache / ".whisper-cli").exists()


def test_what_a_killed_process_left_is_cleaned_and_what_a_living_one_has_is_not(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path\n"
        "from whisper_cli.download.locking import staging\n"
        "with staging(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'part').write_text('x'); print(folder, flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child, staging(tmp_path):
        assert child.stdout
        left = Path(child.stdout.readline().strip())
        with staging(tmp_path):
            assert (left / "part").exists()
        child.send_signal(signal.SIGKILL)
        child.wait()
        with staging(tmp_path):
            assert not left.exists()
    assert list(tmp_path.iterdir()) == []


def test_every_source_is_named_as_in_the_table():
    assert [source(name).name for name in SOURCES] == list(SOURCES)
    assert [source.name for source in default_sources()] == list(Settings().source)
