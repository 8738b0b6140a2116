"""The page of a transcript in a real browser, opened from the disk."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("selenium")

from selenium.webdriver.common.keys import Keys

from tests.documents.samples import TALK, TURNS, turn
from tests.serve.test_page import BROWSER, CONTRAST, DRIVER, browsing, complaints, find, wait

pytestmark = pytest.mark.skipif(not (DRIVER and BROWSER), reason="no chromium here")

HOSTILE = (
    "</span></p><script>window.ran=1</script><img src=http://127.0.0.1:9/x onerror=window.ran=2> "
    "<b>bold</b> &lt;i&gt; ]]> javascript:alert(1)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("saved")) as found:
        yield found


@pytest.fixture
def folder(tmp_path):
    """A recording of ten seconds, in a folder whose name has to be quoted in an address."""
    destination = tmp_path / "a b#c%20?"
    destination.mkdir()
    tone = np.sin(np.arange(10 * 8000) / 5).astype(np.float32) / 4
    soundfile.write(destination / "talk.wav", tone, 8000)
    (destination / "talk.json").write_text(json.dumps(TALK))
    return destination


def opened(run, browser, talk: Path, *options: str):
    page = talk.parent.parent / "pages" / f"{talk.stem}.html"
    page.parent.mkdir(exist_ok=True)
    assert run("render", talk, "-o", page, *options).code == 0
    browser.set_window_size(1000, 900)
    browser.get_log("browser")
    browser.get(page.as_uri())
    return browser


@pytest.fixture
def page(run, browser, folder):
    found = opened(run, browser, folder / "talk.json")
    wait(found, lambda: audio(found, "readyState") > 0)
    return found


def audio(page, name):
    return page.execute_script(f"return document.querySelector('audio').{name}")


def word(page, text):
    words = page.find_elements("css selector", "main .text [data-at]")
    return next(item for item in words if item.text == text)


def test_a_click_on_a_word_plays_from_there_and_the_word_is_marked(page):
    assert audio(page, "duration") == 10
    word(page, "given").click()
    wait(page, lambda: audio(page, "currentTime") > 6.281)
    assert not audio(page, "paused")
    wait(page, lambda: "now" in word(page, "sugar.").get_attribute("class"))
    assert len(page.find_elements("css selector", ".now")) == 1
    find(page, "main p:first-child button").click()
    wait(page, lambda: 0.75 <= audio(page, "currentTime") < 4)


def test_only_the_recording_is_asked_for_and_only_from_the_disk(page):
    asked = page.execute_script(
        "return performance.getEntriesByType('resource').map((each) => each.name)"
    )
    assert all(item.startswith("file:") and item.endswith("talk.wav") for item in asked)
    assert audio(page, "currentSrc").endswith("/a%20b%23c%2520%3F/talk.wav")
    assert complaints(page) == []


def test_doubtful_words_are_marked_with_their_probability(page):
    low = page.find_elements("css selector", ".low")
    assert [(item.text, item.get_attribute("title")) for item in low] == [
        ("milk", "41%"),
        ("sugar?", "6%"),
        ("laugh,", "30%"),
    ]


def test_a_search_finds_phrases_and_steps_through_them(page):
    page.find_element("css selector", "body").send_keys("/")
    assert page.switch_to.active_element.get_attribute("id") == "search"
    page.switch_to.active_element.send_keys("SUGAR")
    assert find(page, "#found").text == "2 found"
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert (find(page, "#found").text, find(page, ".here").text) == ("1 of 2", "sugar?")
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert find(page, ".here").text == "sugar."
    page.switch_to.active_element.send_keys(Keys.SHIFT, Keys.ENTER)
    assert find(page, ".here").text == "sugar?"
    find(page, "#search").clear()
    find(page, "#search").send_keys("thank  you. I")
    matched = [item.text for item in page.find_elements("css selector", ".match")]
    assert (find(page, "#found").text, matched) == ("1 found", ["thank", "you.", "I"])
    find(page, "#search").clear()
    find(page, "#search").send_keys("zebra")
    assert find(page, "#found").text == "0 found"


def test_all_works_by_the_keyboard(page):
    body = find(page, "body")
    body.send_keys(" ")
    wait(page, lambda: not audio(page, "paused"))
    body.send_keys(" ")
    wait(page, lambda: audio(page, "paused"))
    before = audio(page, "currentTime")
    body.send_keys(Keys.ARROW_RIGHT)
    wait(page, lambda: audio(page, "currentTime") >= before + 4.5)
    body.send_keys(Keys.ARROW_LEFT)
    wait(page, lambda: audio(page, "currentTime") < before + 1)
    find(page, "#search").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "00:00:00"
    page.switch_to.active_element.send_keys(Keys.TAB)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    wait(page, lambda: 4.35 <= audio(page, "currentTime") < 9)


def test_text_names_and_speakers_of_an_enemy_are_only_text(run, browser, folder):
    name = "<img src=x onerror=window.ran=3> '\"&"
    talk = folder / f"{name}.json"
    talk.write_text(json.dumps({"segments": [turn(HOSTILE, HOSTILE, 1.0)], "language": "en"}))
    (folder / "talk.wav").rename(folder / f"{name}.wav")
    page = opened(run, browser, talk)
    wait(page, lambda: audio(page, "readyState") > 0)
    assert find(page, "main .text").text == HOSTILE
    assert page.title == find(page, "h1").text == f"{name}.json"
    assert page.execute_script("return window.ran") is None
    assert not page.find_elements("css selector", "main script, main img, h1 img")
    assert complaints(page) == []
    page.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 4';"
        "document.body.append(s); const i = new Image(); i.src = 'http://127.0.0.1:9/x.png';"
        "document.body.append(i); fetch('http://127.0.0.1:9/').catch(() => {});"
    )
    refused = []
    wait(page, lambda: refused.extend(complaints(page)) or len(refused) >= 3)
    assert page.execute_script("return window.ran") is None


def test_where_the_recording_is_gone_the_page_asks_for_it(run, browser, folder, tmp_path):
    kept = (folder / "talk.wav").rename(tmp_path / "moved.wav")
    page = opened(run, browser, folder / "talk.json")
    assert find(page, "#choose").is_displayed()
    find(page, "#file").send_keys(str(kept))
    wait(page, lambda: audio(page, "readyState") > 0)
    word(page, "sugar.").click()
    wait(page, lambda: audio(page, "currentTime") > 6.8)


def test_a_recording_that_goes_later_is_asked_for_too(page, folder):
    assert not find(page, "#choose").is_displayed()
    (folder / "talk.wav").unlink()
    page.refresh()
    wait(page, lambda: find(page, "#choose").is_displayed())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_phones_and_can_be_read_in_the_dark(page, scheme):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    assert page.execute_script("return document.documentElement.scrollWidth") <= 360
    assert page.execute_script(CONTRAST) >= 4.5
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


CUES = """
const [text, done] = arguments;
const track = document.createElement("track");
track.src = "data:text/vtt;base64," + btoa(String.fromCharCode(...new TextEncoder().encode(text)));
track.onload = () => done([...track.track.cues].map((cue) => {
  const tree = cue.getCueAsHTML();
  const times = [...tree.childNodes].flatMap((node) => [node, ...node.childNodes])
    .filter((node) => node.nodeType === Node.PROCESSING_INSTRUCTION_NODE).length;
  return {
    start: cue.startTime, line: cue.line, align: cue.align, text: tree.textContent, times,
    voice: tree.querySelector("span[title]")?.title ?? null,
  };
}));
track.onerror = () => done("no WebVTT");
track.track.mode = "hidden";
document.body.append(document.createElement("video"));
document.querySelector("video").append(track);
"""


@pytest.mark.parametrize("words", [(), ("--highlight", "words")])
def test_a_browser_reads_voices_times_of_words_and_settings_of_webvtt(run, browser, folder, words):
    format_options = ("--vtt-settings", "line:0 align:start", *words)
    text = run("render", folder / "talk.json", "-f", "vtt", *format_options).stdout
    browser.get("about:blank")
    cues = browser.execute_async_script(CUES, text)
    assert [(cue["voice"], cue["text"]) for cue in cues] == [(who, said) for who, said, _ in TURNS]
    assert {(cue["line"], cue["align"]) for cue in cues} == {(0, "start")}
    assert [cue["start"] for cue in cues] == [item["start"] for item in TALK["segments"]]
    counts = [len(said.split()) for _, said, _ in TURNS]
    assert [cue["times"] for cue in cues] == (counts if words else [0, 0, 0])
