"""JSON as nobody should write it, and documents with one thing in them changed."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

HUGE = 10**400  # more than a float can hold
ODD_VALUES = (
    None, True, False, 0, -1, 1, HUGE, -HUGE, 2**63, 1e308, -1e308, float("nan"), float("inf"),
    -float("inf"), "", "x", "1", "\ud800", "\x00", "../../x", "en", " a\n b", [], {}, [[]], [None],
    ["x"], [HUGE], {"x": 1}, [{}], [{"start": 0}],
)  # fmt: skip

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
any_json = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner)
)
any_value = st.sampled_from(ODD_VALUES) | any_json


def nested(levels: int = 100_000) -> bytes:
    return b"[" * levels


def digits(count: int = 5_000) -> bytes:
    return b"9" * count


@st.composite
def mutated(draw: st.DrawFn, documents: list[Any]) -> Any:
    """Draw a document with up to three places changed, taken out or added."""
    changed = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(changed))
        if not places:
            break
        holder, name = draw(st.sampled_from(places))
        what = draw(st.sampled_from(("change", "remove", "add")))
        if what == "remove":
            del holder[name]
        elif what == "add" and isinstance(holder, dict):
            holder[draw(st.text(max_size=8))] = draw(any_value)
        else:
            holder[name] = draw(any_value)
    return changed


def written(document: Any) -> bytes:
    return json.dumps(document).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    names = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in list(names):
        yield value, name
        if isinstance(inner, dict | list):
            yield from _places(inner)
