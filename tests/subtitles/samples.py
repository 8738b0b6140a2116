"""Speech that golden files show as cues; `python -m tests.subtitles.samples` writes them."""

from collections.abc import Iterable
from pathlib import Path

from whisper_cli.formats.readers import read_transcript
from whisper_cli.formats.registry import Format, writer_for
from whisper_cli.subtitles.measure import graphemes
from whisper_cli.subtitles.presets import PRESETS, rules_for
from whisper_cli.subtitles.shaper import shape
from whisper_cli.transcript import Segment, Word

GOLDEN = Path(__file__).with_name("golden")
HEARD = sorted(Path(__file__).with_name("heard").iterdir())  # by tiny.en: JFK, a LibriVox reading
WITHOUT_SPACES = ("ja", "zh", "th")
PACE = 0.065  # seconds for each character

SPOKEN = {
    "en": "Good morning. Mr. Smith, who had been waiting at the station for more than 40 minutes, "
    "put his umbrella down and asked the young man if the train to New York had left.| "
    "No. || It will be here in a moment, and you can get in at the front of the platform.",
    "de": "Guten Tag, Herr Müller! Die Züge nach München fahren heute leider nicht pünktlich, weil "
    "auf der Strecke zwischen Augsburg und Ulm seit dem frühen Morgen gebaut wird.",
    "ja": "今日は天気がいいので、公園まで散歩に行きましょう。"
    "「そうですね」と彼女は言って、帽子をかぶった。",
    "zh": "他说：“我们明天早上八点在火车站见面。”然后他就走了，没有再回头看一眼。",
    "th": "วันนี้อากาศดีมาก เราจึงไปเดินเล่นที่สวนสาธารณะใกล้บ้านกับเพื่อนเก่าที่ไม่ได้พบกันมานานหลายปี",
    "ko": "오늘은 날씨가 정말 좋네요. "
    "우리는 점심을 먹고 나서 한강 공원까지 천천히 걸어가기로 했습니다.",
    "he": "שָׁלוֹם לְכֻלָּם! הַיּוֹם נְדַבֵּר עַל הַתּוֹלְדוֹת שֶׁל הָעִיר הָעַתִּיקָה, וְעַל הַשְּׁוָקִים שֶׁלָּהּ.",
    "ar": "مرحبا بكم في هذا البرنامج الجديد، سنتحدث اليوم عن تاريخ "
    "المدينة القديمة وأسواقها الشهيرة.",
    "emoji": "We won 🎉 the cup 👩‍👩‍👧 and then cafe\u0301 au lait was served to all of us here!",
}


def words(text: str, language: str) -> list[Word]:
    """Say a text at an even pace; a bar is half a second of silence."""
    dense = language in WITHOUT_SPACES
    tokens = graphemes(text) if dense else [f" {item}" for item in text.split()]
    said, at = [], 0.5
    for token in tokens:
        spoken = token.replace("|", "")
        at += 0.5 * token.count("|")
        speed = PACE * 3 if language in ("ja", "zh") else PACE
        if spoken.strip() or (spoken and dense):
            said.append(Word(spoken, at, at + speed * len(spoken), 0.9))
            at += speed * len(spoken)
    return said


def golden() -> dict[str, str]:
    """Give each golden file's name and what it should hold."""
    files = {}
    for language, text in SPOKEN.items():
        said = tuple(words(text, language))
        speech = [Segment(said[0].start, said[-1].end, text, words=said)]
        for preset in ("netflix", "bbc", "social"):
            name = f"{language}.{preset}.srt"
            files[name] = _srt(speech, language, preset, said[-1].end + 1)
    for path in HEARD:
        reported = read_transcript(path.read_bytes(), path.name)
        for preset in PRESETS:
            name = f"{path.stem}.{preset}.srt"
            files[name] = _srt(reported.segments, "en", preset, reported.info.duration)
    return files


def _srt(segments: Iterable[Segment], language: str, preset: str, duration: float | None) -> str:
    writer = writer_for(Format.srt)
    cues = shape(segments, rules_for(preset, language), language, duration)
    return "".join([writer.segment(number, cue) for number, cue in enumerate(cues, 1)])


if __name__ == "__main__":
    for name, text in golden().items():
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="")
