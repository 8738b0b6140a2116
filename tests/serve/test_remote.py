"""`transcribe --server`: the same bytes as without, and what goes wrong said as elsewhere."""

import json

import pytest

from tests.serve.fakes import FakeHands, running
from tests.serve.processes import serving


@pytest.mark.slow
def test_every_format_has_the_same_bytes(run, tiny_en, jfk, speech, tmp_path):
    gap = speech / "hard_content" / "jfk_gap_2min.flac"
    cases = [
        (jfk, "-f", "json", "--word-timestamps"),
        (gap, "-f", "srt"),
        (gap, "-f", "jsonl", "--initial-prompt", "A speech"),
        (jfk, "-f", "json", "--clip", "0-5", "--channel", "left"),
        (speech / "hard_content" / "silence_30s.flac", "-f", "vtt"),
    ]
    with serving("--model", tiny_en) as served:
        for case in cases:
            here = run("transcribe", *case, "-m", tiny_en)
            there = run("transcribe", *case, "-m", tiny_en, "--server", served.url)
            assert (there.code, there.stdout) == (here.code, here.stdout)
        several = run("transcribe", jfk, gap, "-m", tiny_en, "-o", "-", "--server", served.url)
        assert several.stdout == run("transcribe", jfk, gap, "-m", tiny_en, "-o", "-").stdout


def test_what_the_server_says_is_written(run, model, jfk):
    class Speaker(FakeHands):
        async def _say(self, job, start):
            start.path.write_text("hello\nthere")
            await super()._say(job, start)

    with running(model, Speaker()) as server:
        done = run("transcribe", jfk, "-m", str(model), "--server", server.url, "-f", "json")
        assert done.code == 0, done.stderr
        told = json.loads(done.stdout)
        assert [each["text"] for each in told["segments"]] == ["hello", "there"]
        options = server.hands[0].starts[0].options
        assert server.hands[0].starts[0].blocks
        run("transcribe", jfk, "-m", str(model), "--server", server.url, "--beam-size", "2")
        changed = server.hands[0].starts[1].options
        assert (options.beam_size, changed.beam_size) == (5, 2)


def test_a_server_that_is_not_there_is_an_error_but_for_auto(run, tiny_en, jfk, monkeypatch):
    closed = "http://127.0.0.1:9"
    refused = run("transcribe", jfk, "-m", tiny_en, "--server", closed)
    assert (refused.code, refused.stdout) == (1, "")
    assert f"no answer from {closed}" in refused.stderr
    monkeypatch.setattr("whisper_cli.serve.remote.LOCAL", closed)
    monkeypatch.setattr("tests.leftovers.GROWTH", 400 << 20)  # a model is loaded in this process
    assert run("transcribe", jfk, "-m", tiny_en, "--server", "auto").code == 0


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://a", "http://", "http://a:b", "often"])
def test_what_is_no_address_is_a_usage_error(run, jfk, address):
    assert run("transcribe", jfk, "--server", address).code == 2


def test_a_server_without_the_model_or_with_another_key_says_so(run, model, jfk, tmp_path):
    with running(model, FakeHands(), api_key="k") as server:
        refused = run("transcribe", jfk, "-m", str(model), "--server", server.url)
        assert refused.code == 2
        assert "WHISPER_CLI_API_KEY" in refused.stderr
    with running(model, FakeHands()) as server:
        assert run("transcribe", jfk, "-m", "small", "--server", server.url).code == 4
    assert run("transcribe", jfk, "--server", server.url, "--mode", "exact").code == 2


def test_options_that_are_wrong_are_named(server):
    with server.client as client:
        for name, value in (("beam_size", "0"), ("temperature", "hot"), ("mode", "exact")):
            answer = client.post(
                "/api/transcribe",
                data={"model": "fake", name: value},
                files={"file": b"x" * 20},
            )
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == name
