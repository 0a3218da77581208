"""Opens films and recordings by their content alone, in formats that are named one by one.

Left to itself FFmpeg would believe the file's name, and open playlists, which open other files and addresses.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from services.common.errors import HuashengError
from services.common.media.file_types import HEAD, foreign_type, picture_type, starts_like_media

_FILMS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,flv,mpegts,mpeg,asf,mxf,rm"
_SOUNDS = "wav,w64,mp3,flac,ogg,aac,amr,aiff,caf,au,ac3,eac3,ape,wv,dss"
_OPTIONS = {"format_whitelist": f"{_FILMS},{_SOUNDS}", "protocol_whitelist": ""}
_TIMELINE = {"mov", "matroska", "avi", "asf", "flv", "rm", "mxf", "ogg"}
_FREE_CLOCK = {"mpegts", "mpeg"}
_MOST_UNDECODABLE = 1000
"""Packets at the start of a film without a picture."""
LONGEST_START_S = 60.0
"""A file whose first time is later was cut out of a longer recording: its clock is no silence at the start."""


class _Nameless:
    """A file without its name, so that the content alone decides what it is taken for."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def head_of(source: Path | bytes, name: str) -> bytes:
    """The first bytes of a file, for ``file_types``. Raises ``empty-file``."""
    if isinstance(source, bytes):
        head = source[:HEAD]
    else:
        with source.open("rb") as file:
            head = file.read(HEAD)
    if not head:
        raise HuashengError("empty-file", name=name)
    return head


@contextmanager
def opened(source: Path | bytes, name: str) -> Iterator[InputContainer]:
    """A film or a recording, open to be read.

    Raises ``empty-file``; ``foreign-format`` for a kind that is known but not taken; ``unsupported-media`` for what is
    not known; ``corrupt-media`` for a film or recording that cannot be opened; ``wrong-kind`` for a picture.
    """
    head = head_of(source, name)
    if picture_type(head):
        raise HuashengError(
            "wrong-kind",
            name=name,
            kind="a picture",
            kind_zh="图片",
            needed="a recording or a film",
            needed_zh="录音或视频",
        )
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            container = av.open(_Nameless(file), "r", options=_OPTIONS, buffer_size=1 << 18)
        except (av.error.FFmpegError, ValueError, IndexError) as e:
            raise _refusal(head, name) from e
        with container:
            yield container


def _refusal(head: bytes, name: str) -> HuashengError:
    if foreign := foreign_type(head):
        return HuashengError("foreign-format", name=name, **foreign.params())
    return HuashengError("corrupt-media" if starts_like_media(head) else "unsupported-media", name=name)


def pictures_of(container: InputContainer) -> VideoStream | None:
    """The film of a file; cover art does not make a song a film."""
    return next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)


def first_picture(container: InputContainer, stream: VideoStream, name: str) -> VideoFrame:
    """The first one that can be decoded: recordings of broadcasts begin in the middle of a group of pictures.

    Raises ``corrupt-media`` when none can be.
    """
    for count, packet in enumerate(container.demux(stream)):
        try:
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    return frame
        except av.error.InvalidDataError:
            if count > _MOST_UNDECODABLE:
                break
    raise HuashengError("corrupt-media", name=name)


def require_decoder(stream: av.stream.Stream, name: str) -> None:
    """Raises ``foreign-format`` for a codec that cannot be decoded, or is encrypted."""
    context = getattr(stream, "codec_context", None)
    if context is None:
        what, what_zh = "a file in a codec that is not known here", "未知编码格式的文件"
        how = "Convert it to mp4 (H.264, AAC), wav or mp3, and upload that."
        how_zh = "请转换为 mp4（H.264、AAC）、wav 或 mp3 后上传。"
        raise HuashengError("foreign-format", name=name, what=what, what_zh=what_zh, how=how, how_zh=how_zh)


def start_s(container: InputContainer) -> float:
    """The time in seconds that a player shows as zero.

    Formats with a timeline begin at zero, whenever their first sound or picture comes; broadcast formats have a free
    running clock; plain sound formats have no times at all.
    """
    first = (container.start_time or 0) / av.time_base
    names = set(container.format.name.split(","))
    if names & _TIMELINE and first < LONGEST_START_S:
        return 0.0
    return first


def has_times(container: InputContainer) -> bool:
    """Whether the times of a file's sound mean anything; in plain sound formats they only count samples."""
    return bool(set(container.format.name.split(",")) & (_TIMELINE | _FREE_CLOCK))
