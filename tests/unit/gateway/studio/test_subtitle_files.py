"""Files of subtitles, read back with pysubs2, and the message for the render service."""

from __future__ import annotations

import pysubs2
import pytest

from services.gateway.api.studio_requests import Subtitles
from services.gateway.studio.subtitle_files import HIGHLIGHT, ass, captions_message, shifted, srt, vtt
from services.gateway.studio.types import Cue, Word

CUES = [
    Cue(
        0.5,
        2.25,
        ((Word("它的", 0.5, 1.0), Word("价格", 1.1, 1.6)), (Word("是{5}元\\N", 1.7, 2.0),)),
        ("Its <price> & so",),
    ),
    Cue(3661.25, 3663.0, ((Word("a < b ", 3661.25, 3662), Word("& c", 3662, 3662.5)),)),
]
TIMES = [(500, 2250), (3661250, 3663000)]


def test_subrip() -> None:
    text = srt(CUES)
    assert text.startswith("1\n00:00:00,500 --> 00:00:02,250\n它的价格\n")
    read = pysubs2.SSAFile.from_string(text, format_="srt")
    assert [(e.start, e.end) for e in read] == TIMES
    assert read[1].plaintext == "a < b & c"


def test_webvtt() -> None:
    text = vtt(CUES)
    assert "Its &lt;price&gt; &amp; so" in text
    read = pysubs2.SSAFile.from_string(text, format_="vtt")
    assert [(e.start, e.end) for e in read] == TIMES
    assert read[0].plaintext.splitlines()[0] == "它的价格"


@pytest.mark.parametrize("highlight", [False, True])
def test_substation(highlight: bool) -> None:
    read = pysubs2.SSAFile.from_string(
        ass(CUES, Subtitles(highlight=highlight, place="top"), 1080, 1920), format_="ass"
    )
    assert (read.info["PlayResX"], read.info["PlayResY"]) == ("1080", "1920")
    assert [(e.start, e.end) for e in read] == TIMES
    style = read.styles["Default"]
    assert style.alignment == pysubs2.Alignment.TOP_CENTER
    assert style.fontsize > read.styles["Second"].fontsize > 20
    assert style.outline > 2
    assert style.primarycolor == (pysubs2.Color(255, 214, 10) if highlight else pysubs2.Color(255, 255, 255))
    if highlight:
        assert read[0].text.startswith("{\\k50}它的{\\k10}{\\k50}价格\\N{\\k10}{\\k30}")
        assert HIGHLIGHT == 0xFFD60A
    else:
        assert read[0].text.startswith("它的价格\\N是\\{5\\}元\\\u2060N\\N{\\rSecond}")


def test_message() -> None:
    made = captions_message(CUES, Subtitles(highlight=True, size="large", place="bottom"), offset_s=10)
    first = made.cues[0]
    assert (first.start_us, first.end_us) == (10_500_000, 12_250_000)
    assert [[w.text for w in line.words] for line in first.lines] == [["它的", "价格"], ["是{5}元\\N"]]
    assert first.lines[0].words[1].start_us == 11_100_000
    assert [w.text for w in first.second[0].words] == ["Its <price> & so"]
    assert made.size == pytest.approx(0.065)
    assert made.place > 0.5
    assert made.highlight
    plain = captions_message(CUES, Subtitles())
    assert (plain.place, plain.highlight) == (0, 0)


def test_shifted() -> None:
    moved = shifted(CUES, 2.0)[0]
    assert (moved.start_s, moved.end_s, moved.lines[0][1].start_s) == (2.5, 4.25, 3.1)
