"""How a person asks for cues: presets, rules by hand, presets of the configuration file."""

import pytest
import srt

from whisper_cli.subtitles.presets import PRESETS, CueOptions


def test_a_rule_by_hand_beats_the_preset_and_the_presets_of_the_file_the_language():
    style = CueOptions("netflix", (("max_lines", 1),), (("netflix", "max_line_width", 30.0),))
    assert (style.rules("ja").max_line_width, style.rules("ja").max_cps) == (30, 4)
    assert style.rules("en").max_lines == 1


def test_an_unknown_preset_is_refused_before_anything_runs(run, jfk):
    result = run("transcribe", jfk, "--preset", "netflx", "--offline")
    assert (result.code, result.stdout) == (2, "")
    assert "netflix" in result.stderr


@pytest.mark.parametrize("rule", ["netflix.max_lime=3", "netflix.max_lines=0", "max_lines=3"])
def test_a_bad_rule_of_a_preset_is_named(run, monkeypatch, rule):
    monkeypatch.setenv("WHISPER_CLI_PRESETS", rule)
    result = run("config")
    assert result.code == 2
    assert "WHISPER_CLI_PRESETS" in result.stderr


def test_presets_of_the_file_are_tables(run, isolated):
    (isolated / "config.toml").write_text("[presets.house]\nmax-line-width = 30\nmax_cps = 14.5\n")
    shown = run("config", "get", "presets").stdout
    assert shown == "house.max_line_width=30,house.max_cps=14.5\n"


@pytest.mark.slow
def test_transcribe_shapes_subtitles_and_leaves_json_whole(run, jfk, tiny_en, tmp_path):
    ask = ("transcribe", jfk, "-m", tiny_en, "-f", "srt,json", "-o", f"{tmp_path}/")
    assert run(*ask, "--max-line-width", "20", "--preset", "netflix").code == 0
    cues = list(srt.parse((tmp_path / "jfk.srt").read_text()))
    lines = [line for cue in cues for line in cue.content.split("\n")]
    assert max(map(len, lines)) <= 20 < sum(map(len, lines))
    assert max(cue.content.count("\n") for cue in cues) == 1
    assert '"words": [{' in (tmp_path / "jfk.json").read_text()
    assert run(*ask, "--preset", "netflix").code == 0  # other rules: the file is stale, not foreign
    assert max(map(len, (tmp_path / "jfk.srt").read_text().splitlines())) > 20


def test_the_guide_names_every_preset():
    from tests.conftest import ROOT

    guide = (ROOT / "docs/guides/subtitles.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in guide.splitlines() if line.startswith("| `")}
    for name, rules in PRESETS.items():
        cells = [cell.strip() for cell in rows[name].split("|")[2:-1]]
        shown = (rules.max_line_width, rules.max_lines, rules.max_cps, rules.min_duration)
        shown += (rules.max_duration, rules.min_gap, rules.chain)
        assert cells == [f"{value:g}" if value else "" for value in shown]
