"""Sheets: what a spreadsheet opens computes nothing that was said."""

import csv
import io

import pytest

from tests.formats.documents import without_apostrophe
from tests.formats.samples import INFO, written
from whisper_cli.formats.registry import Format, writer_for
from whisper_cli.transcript import Segment, Word

FORMULAS = ["=1+1", "@SUM(A1)", "+49 30", "-5 degrees", "'=1+1", "''-x"]


@pytest.mark.parametrize("said", FORMULAS)
@pytest.mark.parametrize("kind", [Format.csv, Format.review])
def test_a_cell_that_would_be_a_formula_begins_with_an_apostrophe(kind, said):
    words = (Word(f" {said}", 0.0, 1.0, 0.1),)
    segment = Segment(0.0, 1.0, f" {said}", words=words, speaker=said)
    header, row = csv.reader(io.StringIO(written(writer_for(kind), INFO, [segment]), ""))
    cells = dict(zip(header, row, strict=True))
    for name in {"speaker", "word", "text"} & set(cells):
        assert cells[name] == f"'{said}"
        assert without_apostrophe(cells[name]) == said
    assert float(cells["start"]) == 0.0


@pytest.mark.parametrize("said", ["a = b", "'twas", "It's 5", "…"])
def test_other_cells_are_as_they_were_said(said):
    [_, row] = csv.reader(
        io.StringIO(written(writer_for(Format.csv), INFO, [Segment(0.0, 1.0, said)]), "")
    )
    assert row[3] == said == without_apostrophe(row[3])
