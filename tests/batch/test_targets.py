"""Where outputs go: the rules of -o, -f and --name, and what is refused before anything runs."""

from pathlib import Path

import pytest

from whisper_cli.audio.sources import Inputs, Source
from whisper_cli.batch.targets import NameOptions, plan, special
from whisper_cli.errors import ConfigError, OutputError
from whisper_cli.formats.registry import Format

NAMING = NameOptions("{stem}.{ext}", "tiny.en", None)
TXT = (Format.txt,)


def inputs(*names: str, folder: str | None = None) -> Inputs:
    sources = tuple(
        Source(None if name == "-" else Path(name), Path(folder) if folder else None)
        for name in names
    )
    return Inputs(sources, has_folder=folder is not None)


def paths(found: Inputs, output: str | None, asked=None, name_options=NAMING) -> list[str | None]:
    jobs = plan(found, output, asked, TXT, name_options)
    return [target.pattern for job in jobs for target in job.targets]


def test_one_input_goes_to_stdout():
    assert paths(inputs("a.mp3"), None) == [None]


def test_several_go_beside_each_input():
    assert paths(inputs("x/a.mp3", "y/b.wav"), None) == ["x/a.txt", "y/b.txt"]


def test_a_folder_of_one_file_goes_beside_it():
    assert paths(inputs("rec/a.mp3", folder="rec"), None) == ["rec/a.txt"]


def test_a_suffix_chooses_the_format(tmp_path):
    jobs = plan(inputs("a.mp3"), f"{tmp_path}/x.vtt", None, TXT, NAMING)
    assert jobs[0].targets[0].format is Format.vtt
    assert (
        plan(inputs("a.mp3"), f"{tmp_path}/x.vtt", (Format.srt,), TXT, NAMING)[0].targets[0].format
        is Format.srt
    )
    assert (
        plan(inputs("a.mp3"), f"{tmp_path}/notes", None, TXT, NAMING)[0].targets[0].format
        is Format.txt
    )
    with pytest.raises(ConfigError, match='no format is called "doc"'):
        plan(inputs("a.mp3"), f"{tmp_path}/x.doc", None, TXT, NAMING)


@pytest.mark.parametrize(
    ("found", "asked", "output"),
    [
        (inputs("a.mp3"), None, "out/"),
        (inputs("a.mp3", "b.mp3"), None, "out"),
        (inputs("rec/a.mp3", folder="rec"), None, "out"),
        (inputs("a.mp3"), (Format.srt, Format.vtt), "out"),
    ],
)
def test_what_makes_an_output_a_folder(found, asked, output):
    assert all(path.startswith(("out/a.", "out/b.")) for path in paths(found, output, asked))


def test_an_existing_folder_is_one(tmp_path):
    assert paths(inputs("a.mp3"), str(tmp_path)) == [f"{tmp_path}/a.txt"]


def test_files_go_flat_and_folders_are_mirrored():
    assert paths(inputs("x/a.mp3", "y/b.mp3"), "out/") == ["out/a.txt", "out/b.txt"]
    assert paths(inputs("rec/mon/a.mp3", "rec/b.mp3", folder="rec"), "out") == [
        "out/mon/a.txt",
        "out/b.txt",
    ]


def test_two_inputs_never_share_an_output():
    with pytest.raises(ConfigError, match="would both write"):
        paths(inputs("a.mp3", "a.wav"), None)
    with pytest.raises(ConfigError, match="would both write"):
        paths(inputs("x/a.mp3", "y/a.mp3"), "out/")
    with pytest.raises(ConfigError, match="would both write"):
        paths(inputs("a.mp3"), "out/", (Format.srt, Format.vtt), NameOptions("{stem}", "m", None))


def test_an_output_never_replaces_an_input():
    with pytest.raises(ConfigError, match="over the input"):
        paths(inputs("a.txt", "b.mp3"), None)


def test_several_share_stdout_as_text_only():
    assert paths(inputs("a.mp3", "b.mp3"), "-", (Format.jsonl,)) == [None, None]
    with pytest.raises(ConfigError, match="can't share stdout as srt"):
        paths(inputs("a.mp3", "b.mp3"), "-", (Format.srt,))
    with pytest.raises(ConfigError, match="several formats"):
        paths(inputs("a.mp3"), None, (Format.srt, Format.vtt))


def test_names_are_filled_from_the_template():
    name_options = NameOptions("{model}/{stem}.{language}.{ext}", "large-v3", None)
    target = plan(inputs("{stem}.mp3"), "out/", TXT, TXT, name_options)[0].targets[0]
    assert target.path("de") == Path("out/large-v3/{stem}.de.txt")
    assert target.path(None) == Path("out/large-v3/{stem}.und.txt")
    assert plan(inputs("-"), "out/", TXT, TXT, NAMING)[0].targets[0].path(None) == Path(
        "out/stdin.txt"
    )


def test_a_file_in_no_folder_and_a_folder_that_is_a_file_are_refused(tmp_path):
    with pytest.raises(OutputError, match="no such folder"):
        paths(inputs("a.mp3"), str(tmp_path / "none" / "x.srt"))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        paths(inputs("a.mp3", "b.mp3"), str(tmp_path / "file"))


def test_a_part_file_is_nobodys_input_or_output():
    with pytest.raises(ConfigError, match="over the input"):
        paths(inputs("x.txt.part"), "x.txt")


def test_a_folder_without_audio_has_a_place_too():
    found = Inputs((Source(Path("empty"), Path("empty")), Source(Path("a.mp3"))), has_folder=True)
    assert paths(found, "out/") == ["out/empty.txt", "out/a.txt"]


def test_names_that_are_too_long_are_no_crash():
    assert paths(inputs("a.mp3"), f"{'x' * 300}/") == [f"{'x' * 300}/a.txt"]
    with pytest.raises(OutputError):
        paths(inputs("a.mp3"), f"{'x' * 300}/y.txt")
    with pytest.raises(ConfigError, match="names nothing"):
        paths(inputs("a.mp3"), "")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/null"])
def test_descriptors_and_devices_are_written_straight_through(name):
    assert special(Path(name))


def test_a_file_in_shared_memory_is_a_file(tmp_path):
    assert not special(Path("/dev/shm/x.txt"))


@pytest.mark.parametrize("value", ["../../x", "/x", "..", ".", "a\x00b"])
def test_no_value_in_a_template_leads_to_another_folder(value):
    name_options = NameOptions("{model}.{language}.{ext}", value, None)
    [job] = plan(
        Inputs((Source(Path("talk.wav")),), has_folder=True),
        "out/",
        None,
        (Format.srt,),
        name_options,
    )
    path = job.targets[0].path(value)
    assert path.parent == Path("out")
    assert "\0" not in str(path)
    fixed = NameOptions("{language}/{ext}", "m", value).name(Source(Path("talk.wav")), Format.srt)
    assert (".." not in Path(fixed).parts, Path(fixed).name, fixed.count("/")) == (True, "srt", 1)
