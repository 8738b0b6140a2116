"""TTML for broadcasters: EBU-TT-D, which is the text profile of IMSC 1.1 too."""

import re
from html import escape

from whisper_cli.formats.base import CueFile
from whisper_cli.languages import RIGHT_TO_LEFT
from whisper_cli.timestamps import clock, span
from whisper_cli.transcript import Info, Segment

_NO_XML = re.compile("[\ufffe\uffff]")  # the only characters of clean text that XML hasn't
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter"
    xmlns:tts="http://www.w3.org/ns/ttml#styling" xmlns:ebutts="urn:ebu:tt:style"
    xmlns:ebuttm="urn:ebu:tt:metadata"
    ttp:timeBase="media" ttp:cellResolution="50 30" xml:lang="{language}">
  <head>
    <metadata>
      <ebuttm:documentMetadata>
        <ebuttm:conformsToStandard>urn:ebu:tt:distribution:2018-04</ebuttm:conformsToStandard>
        <ebuttm:conformsToStandard>http://www.w3.org/ns/ttml/profile/imsc1.1/text</ebuttm:conformsToStandard>
      </ebuttm:documentMetadata>
    </metadata>
    <styling>
      <style xml:id="block" tts:fontFamily="proportionalSansSerif" tts:fontSize="160%"
        tts:lineHeight="125%" tts:textAlign="center"{direction} ebutts:linePadding="0.5c"/>
      <style xml:id="text" tts:color="#ffffff" tts:backgroundColor="#000000c2"/>
    </styling>
    <layout>
      <region xml:id="bottom" tts:origin="10% 10%" tts:extent="80% 80%" tts:displayAlign="after"
        tts:overflow="visible"/>
    </layout>
  </head>
"""
_BODY = '  <body style="block">\n    <div region="bottom">\n'


def _header(info: Info) -> str:
    direction = ' tts:direction="rtl"' if info.spoken in RIGHT_TO_LEFT else ""
    return _HEAD.format(language=info.spoken or "und", direction=direction)


def _cue(number: int, segment: Segment, lines: list[str]) -> str:
    start, end = (clock(time, ".") for time in span(segment))
    text = "<br/>".join(escape(_NO_XML.sub("\ufffd", line)) for line in lines)
    times = f'xml:id="cue{number}" begin="{start}" end="{end}"'
    opened = _BODY if number == 1 else ""
    return f'{opened}      <p {times}><span style="text">{text}</span></p>\n'


def _footer(cues: int) -> str:
    """Close what is open: a document with nothing to show has no body (EBU Tech 3380)."""
    return ("    </div>\n  </body>\n" if cues else "") + "</tt>\n"


TTML = CueFile(_cue, _header, _footer)
