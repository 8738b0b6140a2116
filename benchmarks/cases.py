"""The cases of the download benchmark: what is pulled over which link, and what has to come out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from benchmarks.contenders import ARIA2C, AUTO, CONNECTIONS, CURL, HF, HF_TRANSFER, RANGES
from benchmarks.figures import MB, MIB, Figures, Must, Row, Table
from tests.fake_hub import Link

OURS, PEERS = (AUTO, RANGES, HF_TRANSFER), (HF, ARIA2C, CURL)
TINY, ARTICLE, MEDIUM, HUGE = 75 * MB, 175 * MB, 1500 * MB, 3000 * MB
ONE_STREAM = ARTICLE / 45  # bytes a second: the basic download of the article takes 45 s
WHOLE_LINK = 20 * MB
CHUNK = 4 * MIB  # of a model below 500 MB
MOST_CONNECTIONS = 16  # of a pull that isn't told how many


@dataclass(frozen=True, slots=True)
class Case:
    """One table; where `killed`, pulls are killed on their way, and run again to be measured."""

    title: str
    contenders: Sequence[str]
    musts: Mapping[str, Sequence[Must]]
    sizes: Sequence[int] = (ARTICLE,)
    link: Link = field(default_factory=Link)
    tls: bool = False
    killed: bool = False
    turns: int = 5


def absolute(figure: str, maximum: float, words: str) -> Must:
    value: Callable[[Figures], float] = attrgetter(figure)
    return Must(words, lambda row, table: value(table[row]) <= maximum)


def beside_hf(figure: str, factor: float, words: str) -> Must:
    value: Callable[[Figures], float] = attrgetter(figure)

    def met(row: Row, table: Table) -> bool:
        return value(table[row]) <= factor * value(table[replace(row, contender=HF)])

    return Must(words, met)


def resumed(connections: int) -> tuple[Must]:
    maximum = connections * CHUNK
    return (absolute("twice", maximum, f"≤ {maximum / MB:.1f} MB twice"),)


def near_the_fastest(row: Row, table: Table) -> bool:
    peers = [figures.seconds for other, figures in table.items() if other.contender in PEERS]
    return table[row].seconds <= 1.1 * sorted(peers)[0]


def flat(row: Row, table: Table) -> bool:
    large, small = (table[replace(row, size=size)].peak for size in (HUGE, ARTICLE))
    return large <= 1.1 * small


FAST = dict.fromkeys(OURS, (Must("≤ 110 % of the fastest peer", near_the_fastest),))
SMALL_FILES = 2_663_103  # bytes of config, tokenizer and vocabulary: a pull brings them too
LINK_SECONDS = (ARTICLE + SMALL_FILES) / WHOLE_LINK

CASES = {
    "article": Case(
        "3.889 MB/s per connection",
        (*OURS, HF, ARIA2C),
        {
            RANGES: (
                absolute("seconds", 6.7, "≤ 6.7 s"),
                beside_hf("seconds", 1 / 6, "hf ≥ 6 times slower"),
            ),
            HF_TRANSFER: (absolute("seconds", 7.5, "≤ 7.5 s"),),
        },
        link=Link(per_connection=ONE_STREAM),
    ),
    "link": Case(
        "20 MB/s for all connections",
        (*OURS, HF, ARIA2C),
        dict.fromkeys(
            OURS, (absolute("seconds", 1.05 * LINK_SECONDS, f"≤ {1.05 * LINK_SECONDS:.2f} s"),)
        ),
        link=Link(total=WHOLE_LINK),
    ),
    "loopback": Case("no limit", (*OURS, *PEERS), FAST, (MEDIUM,)),
    "tls": Case("no limit, TLS", (*OURS, *PEERS), FAST, (MEDIUM,), tls=True),
    "memory": Case(
        "peak memory",
        (*OURS, HF),
        dict.fromkeys(
            OURS,
            (
                beside_hf("peak", 0.7, "≤ 70 % of hf's memory"),
                Must("3 GB ≤ 110 % of 175 MB", flat),
            ),
        ),
        (ARTICLE, HUGE),
    ),
    "kill": Case(
        "again after kill -9",
        (*OURS, HF),
        {
            AUTO: resumed(MOST_CONNECTIONS),
            RANGES: resumed(CONNECTIONS),
            HF_TRANSFER: resumed(CONNECTIONS),
        },
        link=Link(per_connection=4 * ONE_STREAM),
        killed=True,
        turns=10,
    ),
    "latency": Case(
        "4 files, 200 ms a request",
        (*OURS, HF),
        dict.fromkeys(OURS, (beside_hf("seconds", 0.5, "≤ 50 % of hf's time"),)),
        (TINY,),
        Link(latency=0.2),
    ),
}
