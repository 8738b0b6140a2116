"""How wide a text is and how many characters a reader counts in it."""

import re
import unicodedata

# Scripts that are written without spaces, so that a line may break inside a run of letters.
WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u3130-\u318f\u3190-\ua4cf"
    "\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
)
# Kinsoku: what begins no line and what ends none (JIS X 4051, and the same in Chinese), the vowels
# of Thai and Lao that are written before their consonant, and the signs of Myanmar and Khmer that
# put the next consonant below.
NOT_FIRST = frozenset(
    "、。，．・：；？！ー―〜～…‥ヽヾゝゞ々〻）］｝〉》」』】〕〗〙〞’”»"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ％℃‰ๆฯะาำໆຯະາຳ"
    "｡､｣･ｰﾞﾟ゛゜ｧｨｩｪｫｬｭｮｯ,.:;?!)]}%"
)
NOT_LAST = frozenset("（［｛〈《「『【〔〖〘〝‘“«＄￥￡$€£¥#([{เแโใไເແໂໃໄ\u1039\u17d2")
_WITHOUT_SPACES = re.compile(f"[{WITHOUT_SPACES}]")


def columns(text: str) -> int:
    """Count the columns that a text takes: 2 for what is full-width, 1 for an ordinary letter."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return sum(max(wcswidth(item), 0) for item in graphemes(text))  # as wide wherever it stands


def characters(text: str) -> int:
    """Count what a reader takes for characters: marks and joined emoji belong to one."""
    return len(text) if text.isascii() else len(graphemes(text))


def graphemes(text: str) -> list[str]:
    """Part a text into what a reader takes for characters."""
    from wcwidth import iter_graphemes

    return list(iter_graphemes(text))


def can_break(before: str, after: str) -> bool:
    """Say whether a line may break between two characters with no space between them."""
    if not (_WITHOUT_SPACES.match(before) or _WITHOUT_SPACES.match(after)):
        return False
    if before in NOT_LAST or after in NOT_FIRST:
        return False
    return not unicodedata.category(after).startswith("M") and after != "\u200d" != before
