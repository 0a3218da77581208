"""The implicit label of GB 45438-2025: a JSON of seven fields, and where it stands in a file.

MP4: an entry ``AIGC`` of ``moov/udta/meta``, as ``ffmpeg -movflags use_metadata_tags`` writes it. WAV: an entry
``AIGC`` of the ``INFO`` list, before the sound. JPEG: the XMP property ``TC260:AIGC``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import av

KEY = "AIGC"
FIELDS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
GENERATED = "1"
"""``Label`` of what certainly was made by a machine."""
LONGEST = 4096
"""Longest label that is read, in characters."""
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"
_IN_XMP = re.compile(rb"TC260:AIGC\s*(?:=\s*(\"|')(?P<a>.*?)\1|>(?P<t>.*?)<)", re.DOTALL)
_SEARCHED = 1 << 20
"""Bytes of a picture in which its XMP is looked for."""


@dataclass(frozen=True)
class FoundLabel:
    """A label as it was found in a file."""

    fields: dict[str, str]
    """Those of ``FIELDS`` that it has."""

    @property
    def produce_id(self) -> str:
        """The producer's own number of what was made."""
        return self.fields.get("ProduceID", "")


class Labeller:
    """Writes this installation's labels and knows them again: ``ReservedCode1`` proves that it wrote one."""

    def __init__(self, producer: str, secret: bytes) -> None:
        self._producer = producer
        self._key = hmac.digest(secret, b"huasheng aigc label", "sha256")

    def label(self, produce_id: str) -> str:
        """The JSON for what has the number ``produce_id``."""
        values = (GENERATED, self._producer, produce_id, self._proof(self._producer, produce_id), "", "", "")
        return json.dumps(dict(zip(FIELDS, values, strict=True)), ensure_ascii=False, separators=(",", ":"))

    def is_ours(self, label: FoundLabel) -> bool:
        """Whether this installation wrote the label; about the file around it that says nothing."""
        given = label.fields.get("ReservedCode1", "")
        proof = self._proof(label.fields.get("ContentProducer", ""), label.produce_id)
        return hmac.compare_digest(proof.encode(), given.encode())

    def _proof(self, producer: str, produce_id: str) -> str:
        digest = hmac.new(self._key, json.dumps([producer, produce_id]).encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:24]).decode()


def mp4_with(data: bytes, label: str) -> bytes:
    """The beginning of a fragmented MP4 with the label; itself where it is none or its ``moov`` is not whole.

    The label takes the place of ``moov/udta``. No offset changes: fragments count from their own beginning.
    """
    at = 0
    while (box := _box(data, at)) is not None:
        kind, end = box
        if kind == b"moov":
            parts = _boxes(data, at + 8, end)
            if not any(k == b"mvex" for k, _, _ in parts):
                return data
            inner = b"".join(data[a:b] for k, a, b in parts if k != b"udta")
            return data[:at] + _made_box(b"moov", inner, _udta(label)) + data[end:]
        at = end
    return data


def _udta(label: str) -> bytes:
    handler = _made_box(b"hdlr", struct.pack(">II4s12s", 0, 0, b"mdta", b""), b"\0")
    keys = _made_box(b"keys", struct.pack(">II", 0, 1), _made_box(b"mdta", KEY.encode()))
    value = _made_box(b"data", struct.pack(">II", 1, 0), label.encode())  # type 1: UTF-8
    items = _made_box(b"ilst", _made_box(struct.pack(">I", 1), value))
    return _made_box(b"udta", _made_box(b"meta", struct.pack(">I", 0), handler, keys, items))


def _made_box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _box(data: bytes, at: int) -> tuple[bytes, int] | None:
    """Kind and end of the box at a place; None where no whole one is."""
    if len(data) < at + 8:
        return None
    size, kind = struct.unpack_from(">I4s", data, at)
    return (kind, at + size) if 8 <= size <= len(data) - at else None


def _boxes(data: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    found, at = [], start
    while at < end and (box := _box(data, at)) is not None:
        found.append((box[0], at, box[1]))
        at = box[1]
    return found


def wav_head(sample_rate_hz: int, label: str, data_bytes: int | None = None, channels: int = 1) -> bytes:
    """What stands before the samples of a 16-bit WAV; ``data_bytes`` None while the length is not known: then the
    header gives the largest possible one."""
    text = label.encode() + b"\0"
    text += b"\0" * (len(text) % 2)
    info = struct.pack("<4sI4s4sI", b"LIST", len(text) + 12, b"INFO", KEY.encode(), len(text)) + text
    align = 2 * channels
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, sample_rate_hz, sample_rate_hz * align, align, 16)
    before = 4 + len(fmt) + len(info) + 8
    size = 0xFFFFFFFF - before if data_bytes is None else data_bytes
    return struct.pack("<4sI4s", b"RIFF", before + size, b"WAVE") + fmt + info + struct.pack("<4sI", b"data", size)


def jpeg_with(data: bytes, label: str) -> bytes:
    """A JPEG with the label as its XMP."""
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:TC260="{_TC260}" TC260:AIGC={quoteattr(label)}/></rdf:RDF></x:xmpmeta>'
    ).encode()
    segment = _XMP_HEAD + xmp
    at = 2
    while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):  # JFIF and EXIF stay first
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[:at] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[at:]


def find_label(path: Path, kind: str) -> FoundLabel | None:
    """The label in a file of ``kind`` ``video``, ``audio`` or ``image``; None where there is none that can be read."""
    return parsed(_in_picture(path) if kind == "image" else _in_media(path))


def _in_media(path: Path) -> str:
    try:
        with av.open(str(path)) as container:
            tags = [container.metadata, *(s.metadata for s in container.streams)]
    except av.error.FFmpegError:
        return ""
    return next((v for tag in tags for k, v in tag.items() if k.upper() == KEY), "")


def _in_picture(path: Path) -> str:
    with path.open("rb") as f:
        found = _IN_XMP.search(f.read(_SEARCHED))
    return html.unescape((found["a"] or found["t"] or b"").decode("utf-8", "replace")) if found else ""


def parsed(text: str) -> FoundLabel | None:
    """A label's JSON, also within another object under ``AIGC``."""
    if len(text) > LONGEST:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get(KEY), dict):
        value = value[KEY]
    if not isinstance(value, dict) or "Label" not in value:
        return None
    return FoundLabel({name: str(value[name])[:200] for name in FIELDS if name in value})
