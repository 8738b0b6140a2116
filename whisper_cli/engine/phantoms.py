"""What Whisper is known to say where nobody speaks: credits and farewells of its training data."""

import re

# Collected from users' reports, see the issue trackers of openai-whisper and whisper.cpp.
PHANTOMS = frozenset(
    (
        "thank you",
        "thanks for watching",
        "thank you for watching",
        "thank you very much for watching",
        "please subscribe to my channel",
        "subscribe to my channel",
        "see you in the next video",
        "see you next time",
        "you",
        "bye",
        "bye bye",
        "the end",
        "to be continued",
        "subtitles by the amara org community",
        "subtitles by",
        "transcription by castingwords",
        "untertitel der amara org community",
        "untertitel im auftrag des zdf für funk 2017",
        "untertitelung des zdf 2020",
        "untertitel von stephanie geiges",
        "vielen dank fürs zuschauen",
        "sous titres réalisés par la communauté d amara org",
        "sous titrage st 501",
        "sous titrage société radio canada",
        "merci d avoir regardé cette vidéo",
        "subtítulos realizados por la comunidad de amara org",
        "gracias por ver el video",
        "sottotitoli creati dalla comunità amara org",
        "sottotitoli e revisione a cura di qtss",
        "legendas pela comunidade amara org",
        "субтитры сделал dimatorzok",
        "субтитры создавал dimatorzok",
        "редактор субтитров а семкин корректор а егорова",  # noqa: RUF001
        "продолжение следует",
        "napisy stworzone przez społeczność amara org",
        "ondertiteld door de amara org gemeenschap",
        "ご視聴ありがとうございました",
        "字幕由 amara org 社区提供",
        "시청해주셔서 감사합니다",
    )
)


def is_phantom(text: str) -> bool:
    """Say whether a text is nothing but such a phrase, whatever its case and punctuation."""
    return " ".join(re.findall(r"\w+", text.casefold())) in PHANTOMS
