"""A pull as a person sees it, on a real terminal and in a pipe."""

import json
import subprocess
import sys

import pytest

from tests.console.terminal import on_terminal, screens

PULL = """
import logging, sys, threading, time
from tests.console.fakes import MB, downloading, verifying
from whisper_cli.console.console import Console, ConsoleLogHandler
from whisper_cli.errors import DownloadError
from whisper_cli.choices import ProgressMode

console = Console()
console.configure(ProgressMode({mode!r}), quiet={quiet})
logging.getLogger("whisper_cli").addHandler(ConsoleLogHandler(console))

def warn():
    logging.getLogger("whisper_cli").warning("hub: a connection stalled")

def events():
    for n in range(31, 76):
        yield downloading("config.json", 2246, 2246, 1)
        yield downloading("a/folder/that/goes/on/and/on/and/on/model.bin", n * MB, resumed=30 * MB)
        if n == 50 and {warns}:
            threading.Thread(target=warn).start()
        if n == 60 and {fails}:
            raise DownloadError("the hub has gone")
        time.sleep(0.03)
    yield verifying("config.json", 2246, 2246)
    yield verifying("a/folder/that/goes/on/and/on/and/on/model.bin", 40 * MB)

try:
    console.pull("tiny.en", events())
    console.write("/the/folder\\n")
except DownloadError as error:
    console.error(error)
    console.finish()
"""


def pull(mode="auto", *, quiet=False, warns=False, fails=False):
    return PULL.format(mode=mode, quiet=quiet, warns=warns, fails=fails)


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch, request):
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))


def in_pipe(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_pull_is_a_line_a_file_and_a_sum_and_leaves_one_line(columns):
    code, shown = on_terminal(pull(), columns)
    seen = screens(shown)
    assert code == 0
    assert any(
        [line.split()[0] for line in screen if line.strip()][0:1] == ["config.json"]
        and "model.bin" in screen[1]
        and "tiny.en total" in screen[2]
        for screen in seen
        if len(screen) >= 3
    )
    assert all(len(line) <= columns for screen in seen[:-1] for line in screen[:3])
    assert any("MB/s" in line for screen in seen for line in screen)
    summary, folder = seen[-1]
    assert summary.startswith("tiny.en: 45.0 MB in ")
    assert summary.endswith("MB/s, from hub, resumed 39 %")
    assert folder == "/the/folder"


def test_the_cursor_is_there_again_at_the_end():
    _, shown = on_terminal(pull(), 80)
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_a_file_on_stdout_gets_every_byte_and_no_other(tmp_path):
    with (tmp_path / "out").open("wb") as file:
        code, shown = on_terminal(pull(), 80, stdout=file.fileno())
    assert code == 0
    assert (tmp_path / "out").read_bytes() == b"/the/folder\n"
    assert "tiny.en total" in shown


def test_a_warning_of_another_thread_stands_above_the_bars():
    _, shown = on_terminal(pull(warns=True), 80)
    warning, summary, _ = screens(shown)[-1]
    assert warning == "warning: hub: a connection stalled"
    assert summary.startswith("tiny.en: ")


def test_an_error_clears_the_bars_and_is_what_stays():
    _, shown = on_terminal(pull(fails=True), 80)
    assert screens(shown)[-1] == ["error: the hub has gone"]


@pytest.mark.parametrize(("mode", "quiet"), [("auto", True), ("none", True)])
def test_quiet_leaves_only_the_data(mode, quiet):
    _, shown = on_terminal(pull(mode, quiet=quiet), 80)
    assert shown == "/the/folder\r\n"


def test_no_progress_still_says_what_came():
    _, shown = on_terminal(pull("none"), 80)
    summary = screens(shown)[-1][0]
    assert summary.startswith("tiny.en: 45.0 MB in ")
    assert "\x1b" not in shown


def test_in_a_pipe_nothing_is_shown():
    assert in_pipe(pull()) == (0, "/the/folder\n", "")


def test_a_log_has_the_start_and_the_end():
    code, stdout, stderr = in_pipe(pull("plain"))
    assert (code, stdout) == (0, "/the/folder\n")
    first, *_, last = stderr.splitlines()
    assert first == "pull tiny.en: started"
    assert last.startswith("tiny.en: 45.0 MB in ")


def test_a_log_says_how_far_a_failed_pull_came():
    _, _, stderr = in_pipe(pull("plain", fails=True))
    *_, before, last = stderr.splitlines()
    assert before.startswith("pull tiny.en: 80 %, 60.0 MB/75.0 MB, ")
    assert last == "error: the hub has gone"


def test_json_is_all_that_stderr_holds():
    code, stdout, stderr = in_pipe(pull("json"))
    records = [json.loads(line) for line in stderr.splitlines()]
    assert (code, stdout) == (0, "/the/folder\n")
    assert (records[-1]["phase"], records[-1]["done"]) == ("verify", 40_000_000)
    assert {record["file"].rpartition("/")[2] for record in records} == {"config.json", "model.bin"}


def test_rich_is_loaded_only_to_draw():
    shown = "print([name for name in sys.modules if name[:4] == 'rich'])"
    script = f"import sys, whisper_cli.console.console; {shown}"
    assert in_pipe(script)[1] == "[]\n"


FORGED = "a\nerror: the disk is full\u2028hint: send money\x85x.wav"


@pytest.mark.parametrize("kind", ["error", "failure", "warn", "info", "log", "progress", "trace"])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_name_with_line_feeds_forges_no_line(kind, terminal):
    say = {
        "error": "console.error(WhisperError(f'can\\'t read {NAME}', hint=f'chmod +r {NAME}'))",
        "failure": "console.failure(WhisperError('it failed'), NAME)",
        "warn": "console.warn(f'{NAME}: cut short')",
        "info": "console.info(f'{NAME}: 1 s')",
        "log": "console.log(f'{NAME}: 1 s')",
        "progress": "console.progress('transcribe', NAME, 1.0, 2.0, NAME); console.finish()",
        "trace": "logger.error('%s', NAME, exc_info=ValueError(NAME))",
    }[kind]
    script = (
        "import logging, sys\n"
        "from whisper_cli.console.console import Console, ConsoleLogHandler\n"
        "from whisper_cli.choices import ProgressMode\n"
        "from whisper_cli.errors import WhisperError\n"
        f"NAME = {FORGED!r}\n"
        "console = Console()\n"
        "logger = logging.getLogger('whisper_cli')\n"
        "logger.addHandler(ConsoleLogHandler(console))\n"
        "console.configure(ProgressMode.plain, verbose=True)\n"
        f"{say}\n"
    )
    shown = on_terminal(script, 400)[1] if terminal else in_pipe(script)[2]
    lines = shown.splitlines()
    assert not any(line.startswith(("error: the disk", "hint: send", "x.wav")) for line in lines)
    if kind not in ("progress", "trace"):
        assert "a\\nerror: the disk is full" in shown
