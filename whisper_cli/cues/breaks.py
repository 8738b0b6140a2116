"""What a break after each unit costs a reader: 0 after a sentence, most after an article."""

from collections.abc import Sequence

from whisper_cli.cues.phrases import phrase_costs
from whisper_cli.cues.traits import CLAUSE, Traits
from whisper_cli.cues.units import Unit

IN_NAME = 1.0
PAUSE_WORTH, LONGEST_PAUSE = 0.7, 1000  # taken off for a second of pause; longer ones count as one


def break_costs(units: Sequence[Unit], looks: Sequence[Traits], language: str) -> list[float]:
    """Rate a break after each unit but the last, after which one is free."""
    costs = []
    phrases = phrase_costs(units, language)
    named = False  # a capital tells a name, but not at the start of a sentence
    pairs = zip(units, units[1:], looks, looks[1:], phrases, strict=False)
    for unit, after, look, following, phrase in pairs:
        if look.stop:
            costs.append(look.after)
            named = look.stop == CLAUSE
            continue
        cost = look.after - following.welcome + phrase
        if named and look.name and following.name:
            cost += IN_NAME
        pause = min(after.start - unit.end, LONGEST_PAUSE)
        costs.append(max(0.0, cost - PAUSE_WORTH * pause / 1000) if pause > 0 else cost)
        named = True
    return [*costs, 0.0]
