"""The page at /, in a real browser: dropped files, live text, seeking, saving, keys, phones."""

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("selenium")

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.serve.fakes import FakeHands, running, until

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
pytestmark = pytest.mark.skipif(not (DRIVER and BROWSER), reason="no chromium here")
SOUND = b"RIFF Hello there\n& <b>you</b>"


@contextlib.contextmanager
def browsing(destination: Path, *arguments: str):
    options = ChromeOptions()
    options.binary_location = BROWSER
    for item in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *arguments):
        options.add_argument(item)
    options.add_experimental_option("prefs", {"download.default_directory": str(destination)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=Service(DRIVER))
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    processed = tmp_path_factory.mktemp("heard") / "voice.wav"
    voice = np.random.default_rng(0).normal(0, 0.1, 48_000)
    soundfile.write(processed, np.concatenate([voice, np.zeros(2 * 48_000)]), 48_000)
    media = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={processed}",
    )
    with browsing(tmp_path_factory.mktemp("saved"), *media) as found:
        yield found


@pytest.fixture
def page(browser, server):
    return opened(browser, server)


def opened(browser, server):
    browser.set_window_size(1000, 900)
    browser.get_log("browser")
    browser.get(server.url)
    wait(browser, lambda: find(browser, "#state").text != "Connecting…")
    return browser


def find(browser, css):
    return browser.find_element(By.CSS_SELECTOR, css)


def wait(browser, fact, seconds=10):
    WebDriverWait(browser, seconds).until(lambda _: fact())


def give(browser, tmp_path, *contents):
    paths = []
    for number, content in enumerate(contents):
        paths.append(tmp_path / f"talk {number}.wav")
        paths[-1].write_bytes(content)
    find(browser, "#files").send_keys("\n".join(map(str, paths)))


def complaints(browser):
    return [item["message"] for item in browser.get_log("browser") if item["level"] == "SEVERE"]


def test_several_files_are_transcribed_and_shown_as_text_not_markup(page, tmp_path):
    give(page, tmp_path, SOUND, b"RIFF two")
    articles = lambda: page.find_elements(By.CSS_SELECTOR, "article")  # noqa: E731
    wait(
        page,
        lambda: (
            [a.find_element(By.CSS_SELECTOR, ".status").text for a in articles()]
            == ["Done", "Done"]
        ),
    )
    assert [a.find_element(By.CSS_SELECTOR, "h2").text for a in articles()] == [
        "talk 1.wav",
        "talk 0.wav",
    ]
    text = articles()[1].find_element(By.CSS_SELECTOR, ".text")
    assert text.text.strip() == "RIFF Hello there & <b>you</b>"
    assert not text.find_elements(By.CSS_SELECTOR, "b")
    assert complaints(page) == []


def test_text_appears_while_more_is_decoded_and_cancel_frees_the_work(page, server, tmp_path):
    give(page, tmp_path, b"first words\n!wait 30\nlast")
    wait(page, lambda: "first words" in find(page, ".text").text)
    assert find(page, ".cancel").is_displayed()
    find(page, ".cancel").click()
    wait(page, lambda: find(page, ".status").text == "Cancelled")
    until(lambda: server.model_worker[0].cancelled == [1])


def test_a_word_leads_the_player_to_its_place(page, tmp_path):
    soundfile.write(tmp_path / "zeros.wav", np.zeros(48_000, np.int16), 16_000)
    give(page, tmp_path, (tmp_path / "zeros.wav").read_bytes() + b"\nthe end")
    wait(page, lambda: find(page, ".status").text == "Done")
    wait(page, lambda: page.execute_script("return arguments[0].readyState", find(page, "audio")))
    words = page.find_elements(By.CSS_SELECTOR, ".text button")
    words[-1].click()
    wait(
        page,
        lambda: page.execute_script("return arguments[0].currentTime", find(page, "audio")) > 0.3,
    )


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("txt", "one\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\none"),
        ("vtt", "WEBVTT\n\n00:"),
        ("json", '{\n  "text": "one & two"'),
    ],
)
def test_what_is_saved_is_the_format_chosen(page, tmp_path, kind, begins):
    page.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    give(page, tmp_path, b"one\n& two")
    wait(page, lambda: find(page, ".status").text == "Done")
    find(page, f'#format option[value="{kind}"]').click()
    find(page, ".save").click()
    saved = tmp_path / f"talk 0.{kind}"
    wait(page, saved.exists)
    text = saved.read_text()
    assert text.startswith(begins)
    assert ("&amp; two" in text) == (kind == "vtt")


def test_an_error_is_said(page, tmp_path):
    give(page, tmp_path, b"!fail audio")
    wait(page, lambda: "no audio format" in find(page, ".status").text)
    assert "failed" in find(page, ".status").get_attribute("class")


def test_the_microphone_is_recorded(page, server):
    find(page, "#record").click()
    wait(page, lambda: find(page, "#record").text == "Stop")
    assert find(page, "#record").get_attribute("aria-pressed") == "true"
    page.execute_script("return new Promise((go) => setTimeout(go, 400))")
    find(page, "#record").click()
    wait(page, lambda: server.model_worker[0].starts)
    wait(page, lambda: find(page, "h2").text == "recording.webm")


def test_text_is_there_while_the_microphone_is_on(browser, model):
    """Who speaks into the microphone of the test pauses every second."""

    class ServerSocket(FakeHands):
        async def _say(self, job, start):
            start.path.write_text("a word")
            await super()._say(job, start)

    with running(model, ServerSocket(), api_key="k") as server:
        page = opened(browser, server)
        find(page, "#key").send_keys("k", Keys.TAB)
        wait(page, lambda: find(page, "#state").text == "Ready")
        find(page, "#record").click()
        wait(page, lambda: "a word" in find(page, "#live").text)
        find(page, "#record").click()
        wait(page, lambda: find(page, "h2").text == "recording.webm")
        assert complaints(page)[1:] == []  # the first is the answer that asked for the key


def test_a_key_is_asked_for_only_where_there_is_one(browser, model, tmp_path):
    with running(model, FakeHands(), api_key="k") as server:
        page = opened(browser, server)
        assert find(page, "#keyfield").is_displayed()
        find(page, "#key").send_keys("k", Keys.TAB)
        wait(page, lambda: find(page, "#state").text == "Ready")
        give(page, tmp_path, b"hello")
        wait(page, lambda: find(page, ".status").text == "Done")
    with running(model, FakeHands()) as server:
        assert not find(opened(browser, server), "#keyfield").is_displayed()


def test_nothing_is_asked_of_anybody_else_and_no_script_of_others_runs(page, server):
    asked = page.execute_script(
        "return performance.getEntriesByType('resource').map((each) => each.name)"
    )
    assert asked
    assert all(item.startswith(server.url) for item in asked)
    ran = page.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        "document.body.append(s); return window.ran === 1"
    )
    assert not ran
    assert any("Content Security Policy" in item for item in complaints(page))


def test_all_can_be_reached_by_the_keyboard_and_has_a_name(page, tmp_path):
    give(page, tmp_path, b"one two")
    wait(page, lambda: find(page, ".status").text == "Done")
    reached = set()
    for _ in range(25):
        page.switch_to.active_element.send_keys(Keys.TAB)
        active = page.switch_to.active_element
        reached.add(active.get_attribute("id") or active.get_attribute("class") or active.text)
    assert {"model", "language", "format", "choose", "record", "copy", "save"} <= reached
    nameless = page.execute_script(
        "return [...document.querySelectorAll('button, input, select')].filter((each) =>"
        " each.offsetParent && !(each.textContent.trim() || each.labels?.length ||"
        " each.ariaLabel)).map((each) => each.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
def test_it_fits_phones_and_can_be_read_in_the_dark(page, tmp_path, scheme, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    give(page, tmp_path, b"one two " * 30 + b"averylongword" * 20)
    wait(page, lambda: find(page, ".status").text == "Done")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    contrast = page.execute_script(CONTRAST)
    assert contrast >= 4.5
    if destination := os.environ.get("SCREENSHOTS"):
        page.save_screenshot(str(Path(destination) / f"page-{scheme}-{width}.png"))
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d');
const light = (color) => {
  canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
    .map((each) => each / 255).map((c) => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const ground = light(getComputedStyle(document.documentElement).backgroundColor);
const ratios = [...document.querySelectorAll('.status, .text, h1, label')].map((each) => {
  const [a, b] = [light(getComputedStyle(each).color), ground].sort((x, y) => y - x);
  return (a + .05) / (b + .05);
});
return Math.min(...ratios);
"""
