"""GPT-SoVITS' ``api_v2.py`` as it behaves on the wire, with tones for speech; fails on demand in each of its ways.

In a test: ``with FakeSovits() as fake: fake.faults.append("silence")``. As a program it takes the real command line,
and its faults from ``faults.json`` in the folder it runs in (``{"17": "crash"}``: by number of the request, over
restarts). It is compared with the real ``api_v2.py`` in tests/contract/test_gpt_sovits_wire.py.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import struct
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

LANGUAGES = ("auto", "auto_yue", "en", "zh", "ja", "yue", "ko", "all_zh", "all_ja", "all_yue", "all_ko")
RATES = {"v1": 32000, "v2": 32000, "v2Pro": 32000, "v2ProPlus": 32000, "v3": 24000, "v4": 48000}
CUTS = ("cut0", "cut1", "cut2", "cut3", "cut4", "cut5")
PER_CHARACTER_S = 0.04
NULLABLE = ("text", "text_lang", "ref_audio_path", "aux_ref_audio_paths", "prompt_lang")
DEFAULTS = dict.fromkeys(NULLABLE) | {
    "prompt_text": "",
    **{"media_type": "wav", "streaming_mode": False, "text_split_method": "cut5", "speed_factor": 1.0},
    "fragment_interval": 0.3,
}


class Broken(Exception):
    """The line is cut without an end."""


def tone(text: str, rate: int, speed: float, pause_s: float) -> np.ndarray:
    """int16: a tone for each character, then the rest that follows a segment."""
    size = round(PER_CHARACTER_S * rate / speed)
    parts = [0.2 * np.sin(np.arange(size) * 2 * np.pi * (200 + 7 * (ord(c) % 50)) / rate) for c in text]
    parts.append(np.zeros(int(rate * pause_s)))
    return (np.concatenate(parts) * 32767).astype(np.int16)


def spoken(r: dict[str, Any], rate: int, mode: int) -> Iterator[tuple[int, np.ndarray]]:
    """Rate and samples of each chunk; a streamed segment is 10 characters here, whatever the split method.

    Nothing comes of text without a letter. Token streaming (2, 3) sends the rest after a segment by itself.
    """
    text, speed, pause = str(r["text"]), float(r["speed_factor"]), float(r["fragment_interval"])
    if not any(c.isalnum() for c in text):
        return
    parts = [text[i : i + 10] for i in range(0, len(text), 10)]
    if mode == 0:
        yield rate, tone(text, rate, speed, pause)
        return
    for part in parts:
        yield rate, tone(part, rate, speed, pause if mode == 1 else 0)
        if mode > 1:
            yield rate, np.zeros(int(rate * pause), np.int16)


FAILED = np.zeros(16000, np.int16)
"""What comes of a failure inside, said to be at 16 kHz."""


def wav(samples: np.ndarray, rate: int, endless: bool = False) -> bytes:
    """A wav file; ``endless``: the header of one without samples, and samples after it."""
    data = samples.astype("<i2").tobytes()
    size = 0 if endless else len(data)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", size
    )
    return head + data


def packed(samples: np.ndarray, rate: int, media: str) -> bytes:
    """A chunk in its container; the ogg holds FLAC here, where the real one's holds Vorbis."""
    if media == "raw":
        return samples.astype("<i2").tobytes()
    if media == "wav":
        return wav(samples, rate)
    import io

    import av

    out = io.BytesIO()
    with av.open(out, "w", format="ogg" if media == "ogg" else "adts") as container:
        stream = container.add_stream("flac" if media == "ogg" else "aac", rate=rate, layout="mono")
        x, form = (samples, "s16") if media == "ogg" else ((samples / 32768).astype(np.float32), "fltp")
        stream.codec_context.open()
        size = stream.codec_context.frame_size
        for start in range(0, x.size, size):
            frame = av.AudioFrame.from_ndarray(x[None, start : start + size], format=form, layout="mono")
            frame.rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


class Handler(BaseHTTPRequestHandler):
    """The calls of the API."""

    protocol_version = "HTTP/1.1"
    server: FakeSovits

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, status: int, body: bytes, kind: str, claim: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if claim is None else claim))
        self.end_headers()
        self.wfile.write(body)

    def json(self, status: int, body: Any) -> None:
        self.answer(status, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json")

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {k: v[-1] for k, v in parse_qs(url.query).items()}
        with self.server.loop:  # a handler that computes holds up all others
            if url.path == "/control":
                return self.control(query.get("command"))
            if url.path in ("/set_gpt_weights", "/set_sovits_weights"):
                return self.weights(url.path.split("_")[1], query.get("weights_path"))
        if url.path == "/tts":
            if "text_lang" not in query or "prompt_lang" not in query:
                return self.answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
            modes = {"true": True, "false": False, "1": True, "0": False, "2": 2, "3": 3}
            mode = query.get("streaming_mode", "false").lower()
            # aux_ref_audio_paths belongs in the body: a query's is not read
            query.pop("aux_ref_audio_paths", None)
            return self.tts({**query, "streaming_mode": modes.get(mode, mode)})
        return self.json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if urlsplit(self.path).path != "/tts":
            return self.json(404, {"detail": "Not Found"})
        given = json.loads(body)
        nulls = [n for n in given if given[n] is None and n in DEFAULTS]
        if nulls:
            said = {"type": "string_type", "msg": "Input should be a valid string", "input": None}
            order = ("type", "loc", "msg", "input")
            found = [{**said, "loc": ["body", n]} for n in nulls]
            return self.json(422, {"detail": [{k: f[k] for k in order} for f in found]})
        return self.tts(given)

    def control(self, command: str | None) -> None:
        if command is None:
            return self.json(400, {"message": "command is required"})
        if command == "exit":
            os.kill(os.getpid(), signal.SIGTERM)
        return None

    def weights(self, kind: str, path: str | None) -> None:
        if not path:
            return self.json(400, {"message": f"{kind} weight path is required"})
        self.server.weights.append((kind, path))
        if "missing" in path:
            return self.json(400, {"message": f"change {kind} weight failed", "Exception": f"{path} not found"})
        return self.json(200, {"message": "success"})

    def refusal(self, r: dict[str, Any]) -> str | None:
        for name in ("ref_audio_path", "text", "text_lang", "prompt_lang"):
            if not r[name]:
                return f"{name} is required"
            if name.endswith("lang") and r[name].lower() not in LANGUAGES:
                return f"{name}: {r[name]} is not supported in version {self.server.version}"
        if r["media_type"] not in ("wav", "raw", "ogg", "aac"):
            return f"media_type: {r['media_type']} is not supported"
        if r["text_split_method"] not in CUTS:
            return f"text_split_method:{r['text_split_method']} is not supported"
        if r["streaming_mode"] not in (0, 1, 2, 3):
            return "the value of streaming_mode must be 0, 1, 2, 3(int) or true/false(bool)"
        return None

    def tts(self, given: dict[str, Any]) -> None:
        r = {**DEFAULTS, **given}
        fault = self.server.next_fault(r)
        if refused := self.refusal(r):
            return self.json(400, {"message": refused})
        entered = self.server.enter()
        try:
            if fault:
                return self.fail(fault, r)
            return self.speak(r)
        except Broken:
            self.close_connection = True
            return None
        finally:
            self.server.leave(entered)

    def speak(self, r: dict[str, Any], fault: str = "") -> None:
        rate, media = self.server.rate, r["media_type"]
        problem = "" if Path(r["ref_audio_path"]).exists() else f"{r['ref_audio_path']} not exists"
        mode = int(r["streaming_mode"])
        if not mode:
            with self.server.loop:
                if problem:
                    return self.json(400, {"message": "tts failed", "Exception": problem})
                time.sleep(self.server.delay_s)
                at, samples = (16000, FAILED) if fault else next(spoken(r, rate, mode), (16000, FAILED))
                return self.answer(200, packed(samples, at, media), f"audio/{media}")
        self.begin(media)
        if problem:
            raise Broken
        chunks = [(16000, FAILED)] if fault else spoken(r, rate, mode)
        for i, (at, samples) in enumerate(chunks):
            time.sleep(self.server.delay_s)
            if media == "wav" and i == 0:
                self.chunk(wav(samples[:0], at, endless=True))
            self.chunk(packed(samples, at, "raw" if media == "wav" else media))
        if fault:
            raise Broken  # the error is raised after the models were loaded again
        self.wfile.write(b"0\r\n\r\n")
        return None

    def begin(self, media: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"audio/{media}")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
            self.wfile.flush()

    def fail(self, fault: str, r: dict[str, Any]) -> None:
        """One of the ways in which it fails; ``HTTP 429`` and the like are from what may stand before it."""
        rate = self.server.rate
        sound = tone(r["text"], rate, 1.0, 0.3)
        match fault:
            case "silence":  # a failure inside
                self.speak(r, fault)
            case "zeros":
                self.answer(200, wav(sound * 0, rate), "audio/wav")
            case "empty":
                self.begin("wav")
                self.wfile.write(b"0\r\n\r\n")
            case "empty-whole":
                self.answer(200, b"", "audio/wav")
            case "rate":
                self.answer(200, wav(sound, 22050), "audio/wav")
            case "abort":
                self.begin("wav")
                raise Broken
            case "abort-late":  # speech, a second of silence, the end of the line
                self.begin("wav")
                self.chunk(wav(sound[:0], rate, endless=True))
                self.chunk(sound.tobytes())
                self.chunk(np.zeros(16000, np.int16).tobytes())
                raise Broken
            case "truncated":
                whole = wav(sound, rate)
                self.answer(200, whole[: len(whole) // 2], "audio/wav", len(whole))
                raise Broken
            case "short-file":  # well-formed HTTP, half a file
                whole = wav(sound, rate)
                self.answer(200, whole[: len(whole) // 2], "audio/wav")
            case "429" | "500" | "502":
                self.answer(int(fault), b"error", "text/plain")
            case "garbage":
                self.answer(200, os.urandom(5000), "audio/wav")
            case "html":
                self.answer(200, b"<html>hello</html>", "text/html")
            case "no-http":
                self.wfile.write(b"\x00\x01\x02 what?\r\n\r\n")
                raise Broken
            case "stall-first":
                self.server.wait(self.connection)
                raise Broken
            case "stall-late" | "stall-spoken":
                some = 2000 if fault == "stall-late" else rate // 2
                self.begin("wav")
                self.chunk(wav(sound[:0], rate, endless=True) + sound[:some].tobytes())
                self.server.wait(self.connection)
                raise Broken
            case "trickle":
                self.begin("wav")
                self.chunk(wav(sound[:0], rate, endless=True))
                for _ in range(400):
                    self.chunk(b"\1\0")
                    time.sleep(0.05)
                raise Broken
            case "crash":
                os._exit(139)
            case "hang":
                with self.server.loop:
                    time.sleep(600)
            case _:
                raise AssertionError(fault)


class FakeSovits(ThreadingHTTPServer):
    """The server; a context manager that serves meanwhile."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, version: str = "v2ProPlus", host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), Handler)
        self.version, self.rate = version, RATES[version]
        self.loop = threading.Lock()
        self.faults: deque[str] = deque()
        """One for each coming request; an empty one for none."""
        self.always = ""
        """A fault for every request."""
        self.requests: list[dict[str, Any]] = []
        self.weights: list[tuple[str, str]] = []
        self.delay_s = 0.0
        self.at_work = self.most_at_work = 0
        self._count = threading.Lock()
        self._over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self, request: dict[str, Any]) -> str:
        self.requests.append(request)
        return self.always or (self.faults.popleft() if self.faults else "")

    def enter(self) -> bool:
        with self._count:
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        return True

    def leave(self, _entered: bool) -> None:
        with self._count:
            self.at_work -= 1

    def wait(self, connection: Any) -> None:
        """Say nothing until the client hangs up."""
        connection.settimeout(0.05)
        while not self._over.is_set():
            try:
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up is no news

    def __enter__(self) -> FakeSovits:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.shutdown()
        self.server_close()


class Program(FakeSovits):
    """The fake as a process: its faults are in a file, and so is what it has counted."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        traceback.print_exc()

    def next_fault(self, request: dict[str, Any]) -> str:
        counted = Path("count")
        number = int(counted.read_text()) + 1 if counted.exists() else 1
        Path("count.part").write_text(str(number))
        Path("count.part").replace(counted)  # whole, whenever this process is killed
        sys.stdout.write(f"text: {request['text']}\n")  # as the real one does
        sys.stdout.flush()
        plan = Path("faults.json")
        return str(json.loads(plan.read_text()).get(str(number), "")) if plan.exists() else ""


def main() -> None:
    """``python api_v2.py -a 127.0.0.1 -p 9880 -c GPT_SoVITS/configs/tts_infer.yaml``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", "--tts_config", default="GPT_SoVITS/configs/tts_infer.yaml")
    parser.add_argument("-a", "--bind_addr", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=9880)
    args = parser.parse_args()
    if not Path(args.tts_config).exists():
        raise FileNotFoundError(f"no such file: {args.tts_config}")
    Program(Path(args.tts_config).read_text().strip() or "v2ProPlus", args.bind_addr, args.port).serve_forever(0.02)


if __name__ == "__main__":
    main()
