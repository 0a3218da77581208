"""What the Python client sends, receives and writes, byte by byte."""

import io
import os
import struct
from pathlib import Path

import httpx
import pytest
from huasheng import AnswerError, ConnectionFailedError, Huasheng, RefusedError
from huasheng._files import PartFile, Upload, open_upload
from huasheng._sse import MAX_EVENT, Decoder
from huasheng._wav import read_header, whole

ASSET = {
    "id": "a_1",
    "kind": "audio",
    "name": "n",
    "bytes": 1,
    "content_type": "audio/wav",
    "duration_s": 1.0,
    "width": None,
    "height": None,
    "fps": None,
    "sample_rate_hz": 16000,
    "has_audio": True,
    "silent": False,
    "created_at": "2026-11-22T19:47:23Z",
    "url": "/x",
}

SYSTEM = {
    "version": "1",
    "status": "ok",
    "accounts": False,
    "services": [],
    "limits": {"upload_bytes": 5},
    "disk": {},
    "queues": [],
}


def test_a_file_is_sent_from_where_it_stands_and_again_from_there() -> None:
    bodies = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=SYSTEM)
        bodies.append(request.read())
        if len(bodies) == 1:
            raise httpx.WriteError("broken pipe")
        return httpx.Response(201, json=ASSET)

    file = io.BytesIO(b"skipped" + b"sent")
    file.seek(7)
    hs = Huasheng(http=httpx.Client(transport=httpx.MockTransport(answer)))
    assert hs.assets.upload(file, name="声音.wav").id == "a_1"
    assert len(bodies) == 2
    for body in bodies:
        assert b"\r\n\r\nsent\r\n--" in body
        assert b"skipped" not in body
        assert "声音.wav".encode() in body


def test_a_pipe_is_sent_once() -> None:
    tries = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal tries
        if request.method == "GET":
            return httpx.Response(200, json=SYSTEM)
        tries += 1
        request.read()
        raise httpx.WriteError("broken pipe")

    read, write = os.pipe()
    os.write(write, b"data")
    os.close(write)
    hs = Huasheng(http=httpx.Client(transport=httpx.MockTransport(answer)))
    with os.fdopen(read, "rb") as pipe, pytest.raises(ConnectionFailedError):
        hs.assets.upload(pipe)
    assert tries == 1


def test_a_refusal_that_was_lost_with_the_connection_is_told_all_the_same() -> None:
    tries = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal tries
        if request.method == "GET":
            return httpx.Response(200, json=SYSTEM)
        tries += 1
        raise httpx.ReadError("connection reset")

    hs = Huasheng(http=httpx.Client(transport=httpx.MockTransport(answer)))
    with pytest.raises(RefusedError, match="6 bytes") as refused:
        hs.assets.upload(b"123456")
    assert (refused.value.status, refused.value.reason, tries) == (413, "too-large", 1)


def test_what_can_be_uploaded(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"12345")
    for given, name, total in ((path, "a.wav", 5), (str(path), "a.wav", 5), (b"123", "upload", 3)):
        with open_upload(given, None, None) as upload:
            assert (upload.name, upload.total) == (name, total)
    with path.open("rb") as f, open_upload(f, None, None) as upload:
        assert upload.name == "a.wav"
    with path.open() as f, pytest.raises(TypeError, match="binary"), open_upload(f, None, None):  # type: ignore[arg-type]
        pass
    with pytest.raises(FileNotFoundError), open_upload(tmp_path / "none", None, None):
        pass


def test_progress_counts_what_was_read() -> None:
    seen: list[tuple[int, int | None]] = []
    upload = Upload("n", io.BytesIO(b"x" * 10), lambda *now: seen.append(now), {})
    upload.read(4), upload.read(4), upload.read(4), upload.read(4)
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_events_out_of_pieces() -> None:
    text = 'event: reply\r\ndata: {"text": "一\u2028二\x85"}\r\n\r\n: still here\n\n'
    text += "event: done\ndata: {\ndata: }\n\ndata: 1"
    raw = text.encode()
    for size in (1, 2, 7, 1000):
        decoder, events = Decoder(), []
        for i in range(0, len(raw), size):
            events += decoder.feed(raw[i : i + size])
        assert events == [("reply", {"text": "一\u2028二\x85"}), ("done", {})]
    with pytest.raises(AnswerError, match="JSON"):
        list(Decoder().feed(b"data: <html>\n\n"))
    with pytest.raises(AnswerError, match="large"):
        list(Decoder().feed(b"data: " + b"x" * (MAX_EVENT + 1)))


def wav(kind: int = 1, channels: int = 1, bits: int = 16, extra: bytes = b"") -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, 24000, 48000, 2, bits)
    return b"RIFF\xff\xff\xff\xffWAVE" + fmt + extra + b"data\xff\xff\xff\xff" + b"\1\0\2\0"


def test_endless_wav_gets_its_length() -> None:
    data = wav(extra=b"LIST\3\0\0\0abc\0")
    assert [read_header(data[:n]) for n in range(len(data) - 5)].count(None) == len(data) - 5
    header = read_header(data)
    assert header
    assert (header.sample_rate_hz, data[header.size :]) == (24000, b"\1\0\2\0")
    fixed, rate, duration = whole(data)
    assert fixed[40:] == struct.pack("<I", 4) + b"\1\0\2\0"
    assert (rate, duration) == (24000, 2 / 24000)
    for bad in (wav(kind=3), wav(channels=2), wav(bits=8), b"<html>not a sound</html>", b"RIFF"):
        with pytest.raises(AnswerError):
            whole(bad)


def part(path: Path, *answers: httpx.Response) -> bytes:
    with PartFile(path, None) as file:
        for answer in answers:
            file.begin(answer)
            file.write(answer.content)
        file.finish()
    return path.read_bytes()


def test_parts_fit_together_or_start_over(tmp_path: Path) -> None:
    out = tmp_path / "f"
    whole_headers = {"etag": '"1"', "content-length": "4"}
    first = httpx.Response(200, headers=whole_headers, stream=httpx.ByteStream(b"ab"))
    first.read()
    rest = httpx.Response(206, headers={"content-range": "bytes 2-3/4"}, content=b"cd")
    assert part(out, first, rest) == b"abcd"
    changed = httpx.Response(200, content=b"other")
    assert part(out, first, changed) == b"other"
    for span in ("bytes 1-3/4", "bytes 2-3/5", "bytes */4", ""):
        with pytest.raises(ConnectionFailedError):
            part(out, first, httpx.Response(206, headers={"content-range": span}, content=b"cd"))
    with pytest.raises(ConnectionFailedError, match="2 of 4"):
        part(out, first)
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert out.read_bytes() == b"other", "what was there stays"


def test_only_an_unchanged_file_is_resumed(tmp_path: Path) -> None:
    with PartFile(tmp_path / "f", None) as file:
        assert "Range" not in file.headers()
        file.begin(httpx.Response(200, headers={"etag": '"1"'}))
        file.write(b"ab")
        assert file.headers()["Range"] == "bytes=2-"
        assert file.headers()["If-Range"] == '"1"'
        file.begin(httpx.Response(200, headers={"etag": 'W/"1"'}))
        file.write(b"ab")
        assert "Range" not in file.headers(), "a weak tag does not promise the same bytes"
