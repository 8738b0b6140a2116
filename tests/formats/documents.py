"""Other people's parsers for what is more than a list of cues."""

import csv
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from markdown_it import MarkdownIt

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


def milliseconds_of(clock):
    hours, minutes, rest = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + int(rest.replace(".", ""))


def read_csv(text):
    header, *rows = csv.reader(io.StringIO(text, ""), strict=True)
    assert header == ["start", "end", "speaker", "text"]
    assert not any(row[2] for row in rows)
    return [
        (round(float(a) * 1000), round(float(b) * 1000), without_apostrophe(text))
        for a, b, _, text in rows
    ]


def without_apostrophe(text):
    """Take off what keeps a spreadsheet from computing a cell."""
    return text[1:] if re.match(r"'+[=+\-@\t\r]", text) else text


def read_ttml(text):
    root = ET.fromstring(text)
    for name in ("body", "div"):  # as EBU-TT-D wants it: none of them is empty
        assert all(len(item) for item in root.iter(f"{{http://www.w3.org/ns/ttml}}{name}"))
    return [
        (
            milliseconds_of(cue.get("begin")),
            milliseconds_of(cue.get("end")),
            "".join(cue.itertext()),
        )
        for cue in root.iter("{http://www.w3.org/ns/ttml}p")
    ]


def read_md(text):
    heading, *blocks = [item for item in MARKDOWN.parse(text) if item.type == "inline"]
    assert heading.content == "día 1.mp3"
    cues = []
    for block in blocks:
        parts = [item for item in block.children if item.content or item.type != "text"]
        assert [item.type for item in parts] == ["strong_open", "text", "strong_close", "text"]
        assert re.fullmatch(r"\d{2,}:\d\d:\d\d", parts[1].content)
        cues.append((None, None, parts[-1].content.removeprefix(" ")))
    return cues


class Page(HTMLParser):
    """Collects the cues of our page; anything but words inside of one is an error."""

    def __init__(self):
        super().__init__()
        self.cues = []
        self.depth = 0

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if given.get("class") == "text":
            self.depth = 1
            self.cues.append([None, None, ""])
        elif self.depth:
            assert (tag, set(given) - {"class", "title"}) == ("span", {"data-at"})
            start = round(float(given["data-at"]) * 1000)
            self.cues[-1][0] = start if self.cues[-1][0] is None else self.cues[-1][0]
            self.depth += 1

    def handle_endtag(self, tag):
        if self.depth:
            self.depth -= 1

    def handle_data(self, data):
        if self.depth:
            self.cues[-1][2] += data


def read_html(text):
    page = Page()
    page.feed(text)
    page.close()
    return [tuple(item) for item in page.cues]
