from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.download.part_file import RangeSet, cut

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


def members(spans):
    return {n for start, end in spans for n in range(start, end)}


@given(SPANS)
def test_extents_hold_exactly_the_union_of_what_was_added(spans):
    extents = RangeSet(spans)
    assert members(extents) == members(spans)
    assert extents.total == len(members(spans))
    edges = [edge for span in extents for edge in span]
    assert edges == sorted(set(edges)), "disjoint, in order, merged where they touch"


@given(SPANS, st.integers(1, 80))
def test_gaps_are_what_is_not_there(spans, size):
    assert members(RangeSet(spans).gaps(size)) == set(range(size)) - members(spans)


@given(SPANS, SPANS)
def test_without_takes_holes_away(spans, holes):
    assert members(RangeSet(spans).without(holes)) == members(spans) - members(holes)


@given(SPANS)
def test_front_is_the_first_missing_byte(spans):
    there = members(spans)
    assert RangeSet(spans).prefix == next(n for n in range(99) if n not in there)


@given(SPANS, st.integers(1, 20))
def test_cut_keeps_every_byte_and_crosses_no_multiple(spans, size):
    spans = list(RangeSet(spans))
    pieces = list(cut(spans, size))
    assert members(pieces) == members(spans)
    assert all(start // size == (end - 1) // size for start, end in pieces)
