"""Settings: which source wins, what is refused, and how they are shown and changed."""

import contextlib
import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oddities import any_value
from whisper_cli.config import loader
from whisper_cli.errors import ConfigError
from whisper_cli.texts import as_text


def value(name, flags=None, environ=None, file=None):
    found = loader.load(flags or {}, environ or {}, file)
    return next(item for item in found if item.name == name)


def test_flag_beats_environment_beats_file_beats_default(tmp_path):
    file = tmp_path / "config.toml"
    assert (value("model", file=file).value, value("model", file=file).origin) == (
        "base",
        "default",
    )
    file.write_text('# mine\nmodel = "small"\n')
    assert value("model", file=file).origin == f"{file}:2"
    environ = {"WHISPER_CLI_MODEL": "medium"}
    assert value("model", environ=environ, file=file).value == "medium"
    assert value("model", {"model": "tiny"}, environ, file).origin == "--model"


@pytest.mark.parametrize(
    "text",
    [
        "modle = 'x'",
        "[model]\nx = 1",
        "beam_size = 'many'",
        "vad = 3",
        "model = = 1",
        "clip = '9-1'",
    ],
)
def test_a_bad_file_is_an_error_naming_file_and_line(tmp_path, text):
    file = tmp_path / "config.toml"
    file.write_text("\n" + text + "\n")
    with pytest.raises(ConfigError, match=r"config\.toml") as error:
        loader.load({}, {}, file)
    assert ":2" in error.value.message or "line 2" in error.value.message


def test_a_bad_variable_is_named():
    with pytest.raises(ConfigError, match="WHISPER_CLI_TASK"):
        loader.load({}, {"WHISPER_CLI_TASK": "sing"})


def test_values_of_the_file_may_have_toml_types(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('beam_size = 2\nvad = false\nformat = ["srt", "vtt"]\ntemperature = 0.4\n')
    assert value("beam_size", file=file).value == 2
    assert value("vad", file=file).value is False
    assert [str(item) for item in value("format", file=file).value] == ["srt", "vtt"]
    assert value("temperature", file=file).value == (0.4,)


@given(st.sampled_from(loader.NAMES))
def test_every_default_can_be_typed(name):
    default = loader.default(name)
    if default not in (None, ()):
        assert loader.parse(name, as_text(default), "--x") == default


def test_set_keeps_comments_and_get_shows_the_value(run, isolated):
    file = isolated / "config.toml"
    file.write_text("# my favourite\nbeam_size = 3\n")
    assert run("config", "set", "model", "small").code == 0
    assert file.read_text().startswith("# my favourite\n")
    assert run("config", "get", "model").stdout == "small\n"
    assert run("config", "get", "beam-size").stdout == "3\n"
    assert run("config", "set", "model", "").code == 0
    assert run("config", "get", "model").stdout == "base\n"
    assert run("config", "path").stdout == f"{file}\n"


def test_set_refuses_what_no_run_could_use(run, isolated):
    for key, text in (("modle", "x"), ("task", "sing")):
        result = run("config", "set", key, text)
        assert (result.code, result.stdout) == (2, "")
    assert not (isolated / "config.toml").exists()
    assert run("config", "get", "modle").code == 2


def test_config_shows_every_value_and_its_origin(run, monkeypatch):
    monkeypatch.setenv("WHISPER_CLI_BEAM_SIZE", "2")
    rows = [line.split("\t") for line in run("config").stdout.splitlines()]
    assert [row[0] for row in rows] == list(loader.NAMES)
    assert ["beam_size", "2", "WHISPER_CLI_BEAM_SIZE"] in rows
    shown = json.loads(run("config", "--json").stdout)
    assert shown["beam_size"] == {"value": 2, "origin": "WHISPER_CLI_BEAM_SIZE"}


def test_a_setting_from_the_file_is_obeyed_by_a_command(run, isolated, jfk):
    (isolated / "config.toml").write_text('model = "no-such"\n')
    assert run("transcribe", jfk, "--offline").code == 4
    (isolated / "config.toml").write_text("oops = 1\n")
    result = run("transcribe", jfk)
    assert result.code == 2
    assert "config.toml:1" in result.stderr


def test_no_device_becomes_the_configuration_file(run, monkeypatch, tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices are made by root")
    monkeypatch.setenv("WHISPER_CLI_CONFIG", str(device))
    result = run("config", "set", "model", "base")
    assert (result.code, result.stdout) == (2, "")
    assert "null is no file" in result.stderr
    assert device.is_char_device()


def test_a_configuration_file_in_no_folder_is_none(run, monkeypatch):
    monkeypatch.setenv("WHISPER_CLI_CONFIG", "/dev/null/x.toml")
    assert run("config", "get", "model").stdout == "base\n"


def test_without_a_home_it_is_said_what_to_set(run, monkeypatch):
    for name in ("HOME", "WHISPER_CLI_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987_654)  # nobody's
    result = run("config", "path")
    assert (result.code, result.stdout) == (2, "")
    assert "hint: set HOME" in result.stderr
    monkeypatch.setenv("WHISPER_CLI_CONFIG", "~nobody-has-this-name/x.toml")
    assert run("config", "path").code == 2


def test_a_configuration_nested_without_end_is_2(run, isolated):
    (isolated / "config.toml").write_text("a = " + "[" * 100_000)
    result = run("config")
    assert (result.code, result.stdout) == (2, "")
    assert "config.toml: " in result.stderr


ODD = {
    "a number of 5,000 digits": "beam_size = " + "9" * 5_000,
    "a hexadecimal number without end": "beam_size = 0x" + "f" * 5_000,
    "lists without end": "model = " + "[" * 100_000,
    "lists in lists": "model = " + "[" * 900 + "]" * 900,
    "a table in tables": "presets." + ".".join("a" * 2_000) + " = 1",
    "a table in a list": "initial_prompt = [{a = 1}]",
    "a NUL": 'model = "a\\u0000b"',
    "a size beyond a float": f'max_url_size = "{"9" * 400}"',
    "a rule beyond a float": f"[presets.a]\nmax_lines = {'9' * 400}",
    "an infinite number": "compression_ratio_threshold = inf",
    "a clip beyond a float": f'clip = "{"9" * 400}-"',
    "a channel of 5,000 digits": f'channel = "{"9" * 5_000}"',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_whatever_stands_in_the_file_is_an_error_that_names_it(run, isolated, jfk, text):
    file = isolated / "config.toml"
    file.write_text(text)
    result = run("transcribe", jfk, "--list-jobs")
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {file}")
    assert run("config", "set", "model", "small").code in (0, 2)


@given(st.dictionaries(st.sampled_from(loader.NAMES), any_value, max_size=2))
def test_whatever_a_value_is_it_is_read_or_refused(given_values):
    for name, value in given_values.items():
        with contextlib.suppress(ConfigError):
            loader.parse(name, value, "config.toml:1")


@pytest.mark.parametrize("value", ["\udcff", "a\x00b"])
def test_what_no_file_can_hold_is_not_set(run, isolated, value):
    result = run("config", "set", "model", value)
    assert (result.code, result.stdout) == (2, "")
    assert not (isolated / "config.toml").exists()


@pytest.mark.parametrize(
    ("flag", "bad", "good", "maximum"),
    [
        ("--vad-threshold", ["-0.1", "1.1", "high", "nan"], ["0", "0.5", "1"], "from 0 to 1"),
        ("--vad-min-silence", ["-1", "11", "inf"], ["0", "2"], "from 0 to 10"),
        ("--vad-pad", ["-1", "1.5"], ["0", "1"], "from 0 to 1"),
        ("--max-chunk", ["0", "0.5", "29"], ["1", "28"], "from 1 to 28"),
    ],
)
def test_what_speech_detection_and_cutting_take_is_checked(run, jfk, flag, bad, good, maximum):
    for value in bad:
        result = run("transcribe", jfk, "--list-jobs", f"{flag}={value}")
        assert (result.code, result.stdout) == (2, "")
        assert flag in result.stderr
        assert maximum in result.stderr or "is not a number" in result.stderr
    for value in good:
        assert run("transcribe", jfk, "--list-jobs", flag, value).code == 0


def test_speech_detection_is_set_by_file_and_environment(run, isolated, monkeypatch):
    (isolated / "config.toml").write_text("vad_threshold = 0.6\nmax_chunk = 12\n")
    monkeypatch.setenv("WHISPER_CLI_VAD_PAD", "0.1")
    found = run("config", "--json").json()
    assert found["vad_threshold"]["value"] == 0.6
    assert (found["max_chunk"]["value"], found["vad_pad"]["value"]) == (12, 0.1)
    assert found["vad_min_silence"] == {"value": None, "origin": "default"}
