"""The label of GB 45438-2025 in each kind of file, whose it is, and what is no label."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from services.gateway.marks.label import FIELDS, Labeller, find_label, jpeg_with, mp4_with, parsed, wav_head
from services.gateway.marks.rhythm import AFTER_S, DOT_S, rhythm
from tests.fakes.boxes import boxes
from tests.fakes.media import blank, jpeg, rocking, video
from tests.fakes.tiny_video import tiny_film

OURS = Labeller("画声 “Ltd”", b"k" * 32)
LABEL = OURS.label("j_01")


def test_it_has_the_seven_fields() -> None:
    fields = json.loads(LABEL)
    assert tuple(fields) == FIELDS
    assert (fields["Label"], fields["ContentProducer"], fields["ProduceID"]) == ("1", "画声 “Ltd”", "j_01")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("video", mp4_with(tiny_film(), LABEL)),
        ("audio", wav_head(24000, LABEL, 4800) + bytes(4800)),
        ("audio", wav_head(24000, LABEL) + bytes(4800)),
        ("image", jpeg_with(jpeg(blank(64)), LABEL)),
    ],
)
def test_it_is_found_in_every_kind_of_file(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    found = find_label(tmp_path / "x", name)
    assert found and found.fields == json.loads(LABEL)
    assert OURS.is_ours(found)
    assert not Labeller("画声 “Ltd”", b"z" * 32).is_ours(found), "another installation did not write it"


def test_a_changed_number_is_no_longer_ours() -> None:
    fields = json.loads(LABEL) | {"ProduceID": "j_02"}
    found = parsed(json.dumps(fields))
    assert found and not OURS.is_ours(found)


def test_a_film_plays_as_before() -> None:
    plain = tiny_film(25)
    labelled = mp4_with(plain, LABEL)
    with av.open(io.BytesIO(labelled)) as c:
        assert sum(1 for _ in c.decode(video=0)) == 25
    same = [a for a, b in zip(boxes(plain), boxes(labelled), strict=True) if a == b]
    assert len(same) == len(boxes(plain)) - 1, "only moov has changed"


def test_a_film_that_is_not_fragmented_is_left_alone() -> None:
    """Its index holds places in the file, which would move."""
    plain = video(rocking(0.2, 64))
    assert mp4_with(plain, LABEL) == plain
    assert mp4_with(b"", LABEL) == b"" and mp4_with(plain[:20], LABEL) == plain[:20]


def test_a_wav_says_its_length() -> None:
    data = wav_head(16000, LABEL, 3200) + bytes(3200)
    with wave.open(io.BytesIO(data)) as w:
        assert (w.getnframes(), w.getframerate()) == (1600, 16000)
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"a": 1}', '{"Label":"1","x":"' + "y" * 5000 + '"}', "[" * 3000, '{"AIGC": 3}']
)
def test_what_is_no_label(text: str) -> None:
    assert parsed(text) is None


def test_a_label_within_an_object_is_read_too() -> None:
    found = parsed('{"AIGC": {"Label": "1", "ContentProducer": "x", "Other": "y"}}')
    assert found and found.fields == {"Label": "1", "ContentProducer": "x"}


def test_the_audible_mark_has_the_rhythm_of_ai() -> None:
    """short long, short short."""
    rate = 16000
    samples = np.concatenate([np.zeros(800), np.frombuffer(rhythm(rate), "<i2").astype(float)])
    loud = np.convolve(np.abs(samples), np.ones(160) / 160, "same") > 500
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    lengths = np.diff(edges)[::2] / rate / DOT_S
    pauses = np.diff(edges)[1::2] / rate / DOT_S
    assert lengths.round().tolist() == [1, 3, 1, 1]
    assert pauses.round().tolist() == [1, 3, 1]
    assert samples.size / rate == pytest.approx(0.05 + 11 * DOT_S + AFTER_S, abs=0.001)
