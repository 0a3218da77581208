"""What a file is by its first bytes: pictures that we read, and kinds that cannot be opened but deserve their name."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = 4096
"""Bytes that ``picture_type`` and ``foreign_type`` look at."""

_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif", b"mif1", b"msf1", b"mif2"}
_AVIF = {b"avif", b"avis"}
_MEDIA = (b"ID3", b"fLaC", b"OggS", b"\x1aE\xdf\xa3", b"FLV", b"#!AMR", b"caff", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")
_RIFF = (b"WAVE", b"AVI ", b"WEBP")


def picture_type(head: bytes) -> str | None:
    """MIME type of a still or animated picture that we read; None for all else."""
    starts = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"II*\0": "image/tiff"}
    starts |= {b"MM\0*": "image/tiff"}
    for start, kind in starts.items():
        if head.startswith(start):
            return None if kind == "image/tiff" and _raw_photo(head) else kind
    if (
        head.startswith(b"BM")
        and len(head) > 18
        and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 108, 124)
    ):
        return "image/bmp"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    brands = _brands(head)
    if _AVIF & brands:
        return "image/avif"
    return "image/heic" if brands and brands[0] in _HEIF else None


class _Brands(tuple[bytes, ...]):
    def __rand__(self, other: set[bytes]) -> set[bytes]:
        return other & set(self)


def _brands(head: bytes) -> _Brands:
    """The major brand and the compatible ones of an ISO base media file; empty for other files."""
    if head[4:8] != b"ftyp":
        return _Brands()
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return _Brands([head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))])


def _raw_photo(head: bytes) -> bool:
    """Raw photos of cameras are TIFF inside; what can be read of them is a thumbnail."""
    return (
        head[8:10] == b"CR"
        or any(m in head for m in (b"NIKON", b"SONY DSC", b"ILCE-", b"PENTAX"))
        or (
            b"\x12\xc6\x01\x00" in head or b"\xc6\x12\x00\x01" in head  # the tag DNGVersion
        )
    )


def starts_like_media(head: bytes) -> bool:
    """Whether a file begins like one of the kinds that we open: if it cannot be opened, it is damaged."""
    if head[4:8] == b"ftyp" or head.startswith(_MEDIA) or picture_type(head) is not None:
        return True
    return (head.startswith(b"RIFF") and head[8:12] in _RIFF) or (head.startswith(b"FORM") and head[8:11] == b"AIF")


@dataclass(frozen=True)
class ForeignType:
    """A kind of file that is not taken: its name, and what to do, in English and Chinese."""

    what: str
    what_zh: str
    how: str = ""
    how_zh: str = ""

    def params(self) -> dict[str, str]:
        """Parameters of the reason ``foreign-format``."""
        how = self.how or "Save or convert it as mp4, wav, mp3, png or jpg, and upload that."
        how_zh = self.how_zh or "请另存或转换为 mp4、wav、mp3、png 或 jpg 后上传。"
        return {"what": self.what, "what_zh": self.what_zh, "how": how, "how_zh": how_zh}


_DOCUMENT = ("Take the picture, film or sound out of it and upload that.", "请取出其中的图片、视频或录音单独上传。")
_UNPACK = ("Unpack it and upload the file inside.", "请解压后上传其中的文件。")
_LOCKED = (
    "Such files play only in their own program. Record it anew, or use a file without copy protection.",
    "这类文件只能在原应用中播放。请重新录制，或使用没有版权保护的文件。",
)
_EXPORT = (
    "Export it as a finished film (mp4) or picture (png, jpg) in that program.",
    "请在该软件中导出为成品视频（mp4）或图片（png、jpg）。",
)
_NOTES = ("It holds notes, not sound. Upload a recording (wav, mp3).", "它只含音符，没有声音。请上传录音（wav、mp3）。")
_SILK = ForeignType(
    "a SILK voice message (WeChat, QQ)",
    "SILK 语音消息（微信、QQ）",
    "Convert it to mp3 or wav with a SILK converter, or record the message anew as m4a, mp3 or wav.",
    "请用 SILK 转换工具转成 mp3 或 wav，或重新录制为 m4a、mp3 或 wav。",
)
_FOREIGN: tuple[tuple[bytes, ForeignType], ...] = (
    (b"#!SILK", _SILK),
    (b"\x02#!SILK", _SILK),
    (b"%PDF", ForeignType("a PDF document", "PDF 文档", *_DOCUMENT)),
    (b"\xd0\xcf\x11\xe0", ForeignType("an Office document", "Office 文档", *_DOCUMENT)),
    (b"Rar!", ForeignType("a RAR archive", "RAR 压缩包", *_UNPACK)),
    (b"7z\xbc\xaf", ForeignType("a 7z archive", "7z 压缩包", *_UNPACK)),
    (b"\x1f\x8b", ForeignType("a gzip archive", "gzip 压缩包", *_UNPACK)),
    (b"MThd", ForeignType("a MIDI file", "MIDI 文件", *_NOTES)),
    (b"8BPS", ForeignType("a Photoshop document", "Photoshop 文档", *_EXPORT)),
    (b"CTENFDAM", ForeignType("a protected NetEase music file (ncm)", "网易云音乐加密文件（ncm）", *_LOCKED)),
    (b"\x7c\xd5\x32\xeb", ForeignType("a protected Kugou music file (kgm)", "酷狗音乐加密文件（kgm）", *_LOCKED)),
    (b"\x03ds2", ForeignType("a DS2 dictation", "DS2 听写录音")),
    (b"FUJIFILMCCD-RAW", ForeignType("a raw photo of a camera", "相机 RAW 照片", *_EXPORT)),
    (b"\xff\x0a", ForeignType("a JPEG XL picture", "JPEG XL 图片")),
    (b"\0\0\0\x0cJXL ", ForeignType("a JPEG XL picture", "JPEG XL 图片")),
    (b"\0\0\0\x0cjP  ", ForeignType("a JPEG 2000 picture", "JPEG 2000 图片")),
    (b"\xff\x4f\xff\x51", ForeignType("a JPEG 2000 picture", "JPEG 2000 图片")),
    (b"\0\0\x01\0", ForeignType("an icon (ico)", "图标文件（ico）")),
    (b"FWS", ForeignType("a Flash animation (swf)", "Flash 动画（swf）", *_EXPORT)),
    (b"CWS", ForeignType("a Flash animation (swf)", "Flash 动画（swf）", *_EXPORT)),
    (b"MZ", ForeignType("a Windows program", "Windows 程序", *_DOCUMENT)),
    (b"\x7fELF", ForeignType("a program", "程序文件", *_DOCUMENT)),
    (b"SQLite format 3", ForeignType("a database", "数据库文件", *_DOCUMENT)),
)
_TEXTS: tuple[tuple[re.Pattern[bytes], ForeignType], ...] = (
    (
        re.compile(rb"#EXTM3U"),
        ForeignType(
            "a playlist (m3u8), only a list of addresses",
            "播放列表（m3u8），只含地址",
            "Download the film itself as mp4 and upload that.",
            "请先把视频本身下载为 mp4 再上传。",
        ),
    ),
    (
        re.compile(rb"(?i)(<!doctype html|<html)"),
        ForeignType(
            "a web page; the download probably failed",
            "网页，可能是下载失败",
            "Download the file again, or save the film itself.",
            "请重新下载文件，或保存视频本身。",
        ),
    ),
    (re.compile(rb"(?s)(<\?xml.{0,1024})?<svg"), ForeignType("an SVG drawing", "SVG 矢量图", *_EXPORT)),
    (re.compile(rb"(1\r?\n\d\d:\d\d:\d\d,|WEBVTT)"), ForeignType("subtitles", "字幕文件", *_DOCUMENT)),
)


def foreign_type(head: bytes) -> ForeignType | None:
    """What a file is that we do not take; None when that is not known either."""
    if head.startswith(b"PK\x03\x04"):
        office = b"[Content_Types].xml" in head or b"ppt/" in head or b"word/" in head
        return ForeignType("an Office document", "Office 文档", *_DOCUMENT) if office else _archive()
    if picture_type(head) is None and (head.startswith((b"II*\0", b"MM\0*")) or head[8:12] == b"crx "):
        return ForeignType("a raw photo of a camera", "相机 RAW 照片", *_EXPORT)
    if head[8:12] in (b"aax ", b"M4P ") and head[4:8] == b"ftyp":
        return ForeignType("a protected Apple or Audible file", "受版权保护的 Apple 或 Audible 文件", *_LOCKED)
    for start, kind in _FOREIGN:
        if head.startswith(start):
            return kind
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for pattern, kind in _TEXTS if pattern.match(text)), None)


def _archive() -> ForeignType:
    return ForeignType("a ZIP archive", "ZIP 压缩包", *_UNPACK)
