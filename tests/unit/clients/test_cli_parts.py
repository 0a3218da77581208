"""Parts of the command that need no gateway: the loudspeaker, what waits for Ctrl-C, what is shown."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from huasheng import live
from huasheng.cli import conversation, studio
from huasheng.cli.commands.say import endless_header
from huasheng.cli.exits import UsageError
from huasheng.cli.following import Deferred
from huasheng.cli.session import Session
from huasheng.cli.sound import Loudspeaker
from huasheng.cli.typing_in import Lines
from huasheng.mcp_server.serving import allowed
from huasheng.mcp_server.shelf import MOST, MOST_BYTES, Shelf


class Package:
    """A device that plays when it is told to."""

    PortAudioError = OSError

    def RawOutputStream(self, **settings: Any) -> Any:
        self.settings = settings
        return self

    def start(self) -> None: ...
    def close(self) -> None: ...

    def play(self, samples: int) -> bytes:
        out = bytearray(2 * samples)
        self.settings["callback"](memoryview(out), samples, None, None)
        return bytes(out)


def test_the_loudspeaker_knows_where_it_is() -> None:
    package = Package()
    with Loudspeaker(package) as speaker:
        assert speaker.position_us == 0
        speaker.begin(1000)
        speaker.add(0, b"\1\0" * 100)
        speaker.add(150_000, b"\2\0" * 50)  # 50 ms later than its turn
        assert package.play(80) == b"\1\0" * 80
        assert speaker.position_us == 80_000
        speaker.hold(True)
        assert package.play(10) == bytes(20) and speaker.position_us == 80_000
        speaker.hold(False)
        assert package.play(200) == b"\1\0" * 20 + bytes(100) + b"\2\0" * 50 + bytes(160)
        assert speaker.position_us == 200_000, "silence after the end is no part of it"
        speaker.add(200_000, b"\3\0" * 10)
        speaker.stop()
        assert package.play(10) == bytes(20)
        speaker.begin(1000)
        assert speaker.position_us == 0


def test_ctrl_c_waits_once() -> None:
    with Deferred() as ctrl_c:
        os.kill(os.getpid(), signal.SIGINT)
        assert ctrl_c.came
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_what_runs_in_the_background_ignores_it_as_before() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Deferred() as ctrl_c:
            os.kill(os.getpid(), signal.SIGINT)
        assert not ctrl_c.came and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_backgrounds_are_read() -> None:
    sent: list[Path] = []

    def upload(path: Path) -> str:
        sent.append(path)
        return "a_1"

    assert studio.background_of(None, None, upload) is None
    assert studio.background_of("blur:0.7", None, upload) == {"kind": "blur", "strength": 0.7}
    assert studio.background_of("#A0b0C0", "auto", upload) == {"kind": "colour", "colour": "#a0b0c0", "key": "auto"}
    assert studio.background_of("transparent", None, upload) == {"kind": "transparent"}
    assert studio.background_of(__file__, None, upload) == {"kind": "film", "asset_id": "a_1"} and len(sent) == 1
    for wrong in ("blur:2", "#abc", "nowhere.png"):
        with pytest.raises(UsageError):
            studio.background_of(wrong, None, upload)


def test_the_container_is_read_off_the_name() -> None:
    none = (None,) * 6
    assert studio.format_of("a.mp4", *none) is None and studio.format_of("-", *none) is None
    assert studio.format_of("a.webm", *none) == {"container": "webm"}
    with_size = studio.format_of(None, None, "64x32", None, 25.0, studio.Quality.HIGH, None)
    assert with_size == {"width": 64, "height": 32, "fps": 25.0, "quality": "high"}


def test_subtitles_are_asked_for_as_simply_as_can_be() -> None:
    assert studio.subtitles_of(None, False, None, None, False, None) is False
    assert studio.subtitles_of("vtt", False, None, None, False, None) is True
    assert studio.subtitles_of("vtt, ASS", True, None, studio.Place.TOP, False, "en") == {
        "files": ["vtt", "ass"],
        "burn": True,
        "place": "top",
        "second_language": "en",
    }


def test_an_endless_header_is_one_of_16_bit_mono() -> None:
    assert len(endless_header(24000)) == 44 and endless_header(24000)[24:28] == (24000).to_bytes(4, "little")


def test_the_oldest_speech_makes_room() -> None:
    shelf = Shelf()
    keys = [shelf.put(b"x") for _ in range(MOST + 1)]
    assert shelf.get(keys[0]) is None and shelf.get(keys[1]) == b"x"
    large = shelf.put(bytes(MOST_BYTES + 1))
    assert shelf.get(large) and shelf.get(keys[-1]) is None, "one that is too large is kept alone"
    assert len(set(keys)) == len(keys)


def test_whom_http_answers() -> None:
    here = allowed("127.0.0.1", ["mcp.example.org"])
    assert here.enable_dns_rebinding_protection
    assert {"localhost:*", "mcp.example.org"} <= set(
        here.allowed_hosts
    ) and "https://mcp.example.org" in here.allowed_origins
    assert not allowed("0.0.0.0", []).enable_dns_rebinding_protection
    assert "localhost:*" not in allowed("0.0.0.0", ["mcp.example.org"]).allowed_hosts


class Talk:
    """A conversation whose answer has come whole and is still being played."""

    def __init__(self) -> None:
        self.position_us = 0
        self.told: list[Any] = []
        self._is_stopped = asyncio.Event()

    async def items(self) -> AsyncIterator[Any]:
        video = live.Video(width=1, height=1, fps=25, codec="", description="", mime_type="")
        yield live.Turn(gen=1, turn="t", question="?", video=video, sample_rate_hz=1000, start_frame=0)
        yield live.Sound(1, 0, b"\1\0" * 1000, 0)
        yield live.End(gen=1, duration_us=1_000_000, end_frame=0)
        yield live.Timings(gen=1, ms={})
        os.kill(os.getpid(), signal.SIGINT)
        await self._is_stopped.wait()
        yield live.Interrupted(gen=1, heard_us=0, heard="", reason="hand")
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    async def played(self, gen: int, us: int, *, is_end: bool = False) -> None:
        self.told.append(("played", gen, us, is_end))

    async def interrupt(self) -> None:
        self.told.append("interrupt")
        self._is_stopped.set()


async def test_ctrl_c_stops_an_answer_that_has_come_but_is_still_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()  # nothing is typed
    monkeypatch.setattr(conversation, "Lines", lambda: Lines(reads))
    talk, package = Talk(), Package()
    with Loudspeaker(package) as speaker:
        one = conversation.Conversation(Session(is_json=True), talk, is_piped=False, speaker=speaker)  # type: ignore[arg-type]
        async with asyncio.timeout(60):
            assert await one.run(None) == 130
        assert talk.told[:2] == [("played", 1, 0, False), "interrupt"]
        assert package.play(10) == bytes(20), "silent at once"
    os.close(writes)
