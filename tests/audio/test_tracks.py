"""Which of several audio tracks is heard, and what is said of the others."""

import numpy as np
import pytest

from tests.audio.sounds import write_tracks
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.audio.tracks import code_of_tag
from whisper_cli.errors import AudioError
from whisper_cli.languages import LANGUAGES

FOREIGN = {"mkv": (b"A_PCM/INT/LIT", b"A_XPUS/NT/LIT"), "mov": (b"sowt", b"apac")}


def heard(path, **options):
    """Give the number of the track by its tone, and the warnings."""
    with open_audio(Source(path), **options) as audio:
        samples = np.concatenate([block.samples for block in audio.blocks()])
        pitch = np.abs(np.fft.rfft(samples)).argmax() * 16000 / len(samples)
        assert audio.track == round(pitch / 300)
        return audio.track, audio.warnings


def with_foreign(path, *tracks, count=1):
    """Write tracks of which the first ones are in a format that nothing decodes."""
    content = write_tracks(path, *tracks).read_bytes()
    path.write_bytes(content.replace(*FOREIGN[path.suffix[1:]], count))
    return path


ENGLISH, GERMAN = ("eng", ""), ("ger", "")


@pytest.mark.parametrize(
    ("tracks", "language", "expected"),
    [
        ([GERMAN, ENGLISH], None, 1),
        ([GERMAN, ("eng", "default")], None, 2),
        ([("ger", "default"), ("eng", "default")], None, 1),
        ([("ger", "default"), ENGLISH], "en", 2),
        ([("ger", "default"), ("en-GB", "")], "en", 2),
        ([GERMAN, ("eng", "default")], "de", 1),
        ([GERMAN, ("eng", "default")], "fr", 2),
        ([ENGLISH, ("eng", "default"), GERMAN], "en", 2),
        ([("eng", "default comment"), ENGLISH], "en", 2),
        ([("eng", "default visual_impaired"), GERMAN], "en", 2),
        ([("eng", "comment"), ("ger", "visual_impaired default")], None, 2),
        ([(None, ""), (None, "hearing_impaired default")], None, 2),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_the_track_that_is_meant_is_heard(tmp_path, tracks, language, expected, plain):
    path = write_tracks(tmp_path / "x.mkv", *tracks)
    number, [warning] = heard(path, language=language, plain=plain)
    assert number == expected
    assert f"audio track {number} of {len(tracks)} was chosen" in warning
    assert "--track N" in warning


def test_the_warning_says_which_tracks_there_are(tmp_path):
    path = with_foreign(
        tmp_path / "x.mkv", GERMAN, ("spa", "default"), ("eng", "comment"), (None, "")
    )
    [warning] = heard(path)[1]
    assert warning == (
        "audio track 2 of 4 was chosen (1: de, unknown codec, can't be decoded; 2: es, default; "
        "3: en, commentary; 4: no language); --track N chooses another"
    )


def test_a_track_that_is_named_is_heard_without_a_word(tmp_path):
    path = write_tracks(tmp_path / "x.mkv", GERMAN, ("eng", "default"), ("eng", "comment"))
    assert [heard(path, track=number, language="en") for number in (1, 2, 3)] == [
        (1, ()),
        (2, ()),
        (3, ()),
    ]


def test_one_track_is_heard_whatever_it_says_of_itself(tmp_path):
    path = write_tracks(tmp_path / "x.mkv", ("ger", "comment"))
    assert heard(path, language="en") == (1, ())


@pytest.mark.parametrize("form", ["matroska", "mpegts"])
def test_a_pipe_is_chosen_from_like_a_file(tmp_path, piped, form):
    tracks = [GERMAN, ENGLISH]
    path = write_tracks(tmp_path / "x", *tracks, codec="mp2", form=form)
    with piped(path.read_bytes()):
        number, [warning] = heard(None, language="en")
    assert (number, warning) == (2, heard(path, language="en")[1][0])
    with piped(path.read_bytes()):
        assert heard(None, track=1, language="en") == (1, ())


def test_ogg_streams_side_by_side_are_tracks(tmp_path):
    path = write_tracks(tmp_path / "x.ogg", GERMAN, ENGLISH, codec="flac")
    number, [warning] = heard(path, language="en")
    assert (number, "2 of 2" in warning) == (2, True)
    assert heard(path, track=1) == (1, ())


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_track_that_can_be_decoded_is_preferred(tmp_path, kind):
    path = with_foreign(tmp_path / f"x.{kind}", ("eng", "default"), ("ger", "comment"))
    number, [warning] = heard(path, language="en")
    assert number == 2
    assert "can't be decoded; 2: de" in warning
    with pytest.raises(AudioError, match=r"audio track 1 in .* can't decode") as refused:
        open_audio(Source(path), track=1)
    assert refused.value.hint == "--track 2 can be decoded"


def test_where_none_can_be_decoded_the_error_names_them(tmp_path):
    path = with_foreign(tmp_path / "x.mov", ("ger", "default"), ENGLISH, count=2)
    with pytest.raises(AudioError) as refused:
        open_audio(Source(path))
    assert refused.value.message == (
        f"the audio in {path} is in a format that FFmpeg can't decode "
        "(1: de, default, apac, can't be decoded; 2: en, apac, can't be decoded)"
    )
    alone = with_foreign(tmp_path / "alone.mov", GERMAN)
    with pytest.raises(AudioError, match=r"FFmpeg can't decode \(apac\)$"):
        open_audio(Source(alone))


def test_what_a_container_says_can_not_write_on_a_terminal(tmp_path):
    path = write_tracks(tmp_path / "x.mkv", ("\x1b[2J" + "x" * 999, ""), ENGLISH)
    [warning] = heard(path)[1]
    assert "1: ?[2Jxxx" in warning
    assert len(warning) < 200


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("ger", "de"), ("deu", "de"), ("de-AT", "de"), ("DE", "de"), ("eng,fra", "en"),
        ("cmn", "zh"), ("nob", "no"), ("haw", "haw"), ("yue", "yue"), ("und", None), ("", None),
        ("xxx", None), ("-", None),
    ],
)  # fmt: skip
def test_a_language_is_known_by_each_of_its_tags(tag, code):
    assert code_of_tag(tag) == code


def test_every_language_of_whisper_is_known_by_its_code():
    assert [code_of_tag(code) for code in LANGUAGES] == list(LANGUAGES)
