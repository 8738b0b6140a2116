"""Damaged files of our own: no bug, no hang, and the text that is due."""

import shutil
from pathlib import Path

import pytest

from tests.batch.fakes import FakeEngine, jobs, noise, work
from tests.batch.test_journal import done
from tests.soak.mutate import mutated
from tests.soak.tally import forms
from whisper_cli.batch.runner import InputDone
from whisper_cli.batch.runner import run as run_batch
from whisper_cli.errors import EngineError, OutputError

SECONDS = 70  # of an input: more than one island, so that a journal has marks


class Place:
    """A folder with an input, its outputs, its ledger and its history."""

    def __init__(self, root: Path) -> None:
        self.root, self.out = root, root / "out"
        self.clip = noise(root / "a.wav", SECONDS)
        self.output_index, self.history = root / "state" / "outputs.sqlite3", root / "history"

    def run(self, engine=None, kinds="srt"):
        asked = jobs(self.clip, output=f"{self.out}/", kinds=kinds)
        job_input = work(self.output_index, engine or FakeEngine(), history=self.history)
        try:
            return done(run_batch(asked, job_input))
        finally:
            job_input.output_index.close()

    @property
    def text(self):
        return (self.out / "a.srt").read_text("utf-8")

    def check_kept_or_done(self, whole, journal):
        """Run where nothing may tell that the journal is ours: it is kept then, and said so."""
        [finished] = self.run()
        if isinstance(finished, InputDone):
            assert self.text == whole
        else:
            assert isinstance(finished.error, OutputError)
            assert (self.out / "a.srt.journal").read_bytes() == journal

    def check(self, whole, kinds="srt"):
        """Run as the user would, the outputs moved away or not, and compare the text."""
        [finished] = self.run(kinds=kinds)
        assert isinstance(finished, InputDone), finished
        assert self.text == whole
        assert sorted(path.suffix for path in self.out.iterdir()) == sorted(
            f".{kind}" for kind in kinds.split(",")
        )


@pytest.fixture
def destination(tmp_path):
    return Place(tmp_path)


@forms(8, 80)
def test_a_damaged_ledger(destination, tally, count):
    """What was ours may look like somebody else's then: it is kept, and the text is the same."""
    destination.run()
    whole, good = destination.text, destination.output_index.read_bytes()
    for seed in range(count):
        kind, bad = mutated(good, seed)
        for beside in destination.output_index.parent.glob("outputs.sqlite3-*"):
            beside.unlink()
        destination.output_index.write_bytes(bad)
        with tally.trial(f"{kind} {seed}"):
            destination.run()
            assert destination.text == whole
            (destination.out / "a.srt").unlink()
            destination.check(whole)


@forms(8, 80)
def test_a_damaged_history(destination, tally, count):
    """What was told before is believed only as it was written."""
    destination.run()
    whole = destination.text
    [kept] = destination.history.glob("*.jsonl")
    good = kept.read_bytes()
    for seed in range(count):
        kind, bad = mutated(good, seed)
        kept.write_bytes(bad)
        shutil.rmtree(destination.out)
        with tally.trial(f"{kind} {seed}"):
            destination.check(whole)


@forms(8, 60)
def test_a_damaged_journal(destination, tally, count):
    """What a broken run left is gone on with only as it was written."""
    destination.run()
    whole = destination.text
    shutil.rmtree(destination.history)
    shutil.rmtree(destination.out)
    destination.output_index.unlink()
    destination.run(FakeEngine(fail={SECONDS - 5: EngineError("it failed")}))
    left = {path.name: path.read_bytes() for path in destination.out.iterdir()}
    state = destination.output_index.read_bytes()
    assert "a.srt.journal" in left
    for seed in range(count):
        kind, bad = mutated(left["a.srt.journal"], seed)
        shutil.rmtree(destination.out)
        shutil.rmtree(destination.history, ignore_errors=True)
        destination.out.mkdir()
        destination.output_index.write_bytes(state)
        for name, data in (left | {"a.srt.journal": bad}).items():
            (destination.out / name).write_bytes(data)
        with tally.trial(f"{kind} {seed}"):
            if bad.partition(b"\n")[0] == left["a.srt.journal"].partition(b"\n")[0]:
                destination.check(whole)
            else:
                destination.check_kept_or_done(whole, bad)


@pytest.mark.slow
@forms(2, 40)
def test_a_damaged_memory_of_models(run, isolated, tally, count, tiny_en, speech):
    """The model is looked at again; the text is the same."""
    command = (
        "transcribe",
        speech / "hard_content" / "speech_400ms.wav",
        "-m",
        tiny_en,
        "--no-history",
    )
    whole = run(*command)
    remembered = isolated / "state" / "models.json"
    assert whole.code == 0
    good = remembered.read_bytes()
    for seed in range(count):
        kind, bad = mutated(good, seed)
        remembered.write_bytes(bad)
        with tally.trial(f"{kind} {seed}"):
            found = run(*command)
            assert (found.code, found.stdout) == (0, whole.stdout)
            assert "Traceback" not in found.stderr


@forms(16, 40)
def test_a_damaged_configuration(run, isolated, tally, count):
    """It is read, or refused with its name; nothing else."""
    good = b'model = "tiny.en"\nformat = "srt"\nbeam_size = 5\nlanguage = "en"\ncolor = "never"\n'
    file = isolated / "config.toml"
    cases = [mutated(good, seed) for seed in range(count)]
    for kind, bad in [
        *cases,
        ("digits", b"beam_size = " + b"9" * 5000),
        ("deep", b"a=" + b"[" * 9000),
    ]:
        file.write_bytes(bad)
        with tally.trial(f"{kind} {bad!r:.60}"):
            found = run("config", "get", "beam_size")
            assert found.code in (0, 2), found.stderr
            assert "Traceback" not in found.stderr
            assert found.code == 0 or "config.toml" in found.stderr
