"""The form as it comes in pieces of any size, and texts in pieces that join to the whole."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whisper_cli.serve.errors import ApiError
from whisper_cli.serve.multipart import FormReader
from whisper_cli.serve.responses import whole
from whisper_cli.serve.sse import Deltas
from whisper_cli.transcript import Segment

NAMES = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=9)


def encoded(fields, content) -> bytes:
    parts = [
        f'--mark\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + value.encode()
        + b"\r\n"
        for name, value in fields
    ]
    head = b'--mark\r\nContent-Disposition: form-data; name="file"; filename="x.m3u8"\r\n\r\n'
    return b"".join(parts) + head + content + b"\r\n--mark--\r\n"


def received(data: bytes, step: int, maximum: int = 10**6, early=lambda pairs: None):
    async def chunks():
        for at in range(0, len(data), step):
            yield data[at : at + step]

    with tempfile.TemporaryDirectory() as destination:
        form_reader = FormReader(Path(destination), maximum, early)
        form = asyncio.run(form_reader.read("multipart/form-data; boundary=mark", chunks()))
        return form, form.path.read_bytes() if form.path else None


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(NAMES.filter(lambda name: name != "file"), st.text(max_size=30)), max_size=5
    ),
    st.binary(max_size=3000),
    st.integers(1, 700),
)
def test_a_form_is_what_was_sent_however_it_comes(fields, content, step):
    seen = []
    form, file = received(encoded(fields, content), step, early=seen.extend)
    assert form.fields == seen == [(name, value) for name, value in fields]
    assert file == content
    assert form.size == len(content)
    assert form.path.suffix == ""


@settings(max_examples=60)
@given(st.binary(max_size=400), st.integers(1, 99))
def test_rubbish_is_refused_and_nothing_else_happens(data, step):
    for body in (data, b"--mark\r\n" + data, encoded([], b"x")[: len(data)]):
        with pytest.raises(ApiError) as refused:
            received(body, step)
        assert refused.value.status == 400


def test_no_more_than_the_limit_is_written():
    with pytest.raises(ApiError) as refused:
        received(encoded([], b"x" * 5000), 100, maximum=4000)
    assert refused.value.status == 413


@given(st.lists(st.text(max_size=12), max_size=8))
def test_deltas_join_to_the_text(texts):
    deltas = Deltas()
    pieces = [deltas.add(text) for text in texts]
    assert "".join(pieces) == deltas.text
    assert deltas.text == whole([Segment(0.0, 1.0, text) for text in texts])
