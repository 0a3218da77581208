"""The fake of GPT-SoVITS against the real ``api_v2.py``, run with tones in place of its models.

Needs ``HUASHENG_GPT_SOVITS_CHECKOUT`` (a checkout, or the part of it that is copied below) and
``HUASHENG_GPT_SOVITS_PYTHON`` (a Python with fastapi, uvicorn, numpy, soundfile).
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from services.tts.engines.gpt_sovits.failures import Failure
from services.tts.engines.gpt_sovits.wire import Decoder
from tests.fakes.gpt_sovits_server import FakeSovits
from tools.system import ROOT

CHECKOUT, PYTHON = os.environ.get("HUASHENG_GPT_SOVITS_CHECKOUT"), os.environ.get("HUASHENG_GPT_SOVITS_PYTHON")
pytestmark = pytest.mark.skipif(not (CHECKOUT and PYTHON), reason="needs HUASHENG_GPT_SOVITS_CHECKOUT and _PYTHON")
GOOD = {"text": "Hello there, how are you?", "text_lang": "en", "prompt_lang": "zh", "ref_audio_path": "reference.wav"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert CHECKOUT and PYTHON
    place, source = tmp_path_factory.mktemp("checkout"), Path(CHECKOUT)
    models = place / "GPT_SoVITS" / "TTS_infer_pack"
    models.mkdir(parents=True)
    shutil.copy(source / "api_v2.py", place)
    shutil.copytree(source / "tools" / "i18n", place / "tools" / "i18n")
    shutil.copy(source / "GPT_SoVITS" / "TTS_infer_pack" / "text_segmentation_method.py", models)
    (place / "tools" / "__init__.py").touch()  # else the tools of this repository would be found
    shutil.copy(ROOT / "tests" / "fakes" / "gpt_sovits_models.py", models / "TTS.py")
    (place / "reference.wav").write_bytes(b"x")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [PYTHON, "api_v2.py", "-a", "127.0.0.1", "-p", str(port), "-c", "GPT_SoVITS/configs/tts_infer.yaml"]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=place, env=path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(url + "/control", trust_env=False)
                break
            except httpx.HTTPError:
                assert process.poll() is None, "api_v2.py ended"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def asked(url: str, method: str, path: str, given: dict[str, Any]) -> dict[str, Any]:
    """Everything that a client can see of an answer."""
    how = {"json": given} if method == "POST" else {"params": given}
    body, end = b"", "whole"
    with httpx.Client(trust_env=False, timeout=20) as client, client.stream(method, url + path, **how) as r:
        try:
            for part in r.iter_raw():
                body += part
        except httpx.RemoteProtocolError:
            end = "broken off"
        seen = {
            "status": r.status_code,
            "type": r.headers.get("content-type"),
            "framing": "chunked" if "transfer-encoding" in r.headers else "length",
            "end": end,
        }
    media = given.get("media_type", "wav")
    if r.status_code == 200 and media in ("ogg", "aac"):
        decoder = Decoder(media, True, frozenset({32000, 16000}), 32000)
        try:
            samples = np.concatenate([decoder.feed(body), decoder.finish()])
            # two encoders: not the same bytes, nor the same silence before the first frame
            seen["loud_s"] = round(float((np.abs(samples) > 0.02).sum()) / 32000, 1)
        except Failure as e:
            seen["failure"] = e.why
    else:
        seen["body"] = body
    return seen


TTS = [
    *({**GOOD, "media_type": m, "streaming_mode": mode} for m in ("wav", "raw") for mode in (0, 1, 2, 3, True, False)),
    *({**GOOD, "media_type": m, "streaming_mode": mode} for m in ("ogg", "aac") for mode in (0, 1)),
    *(
        {**GOOD, **bad}
        for bad in (
            {"text": ""},
            {"text": None},
            {"text_lang": ""},
            {"text_lang": "fr"},
            {"prompt_lang": "xx"},
            {"prompt_lang": None},
            {"ref_audio_path": ""},
            {"media_type": "mp3"},
            {"text_split_method": "cut9"},
            {"streaming_mode": 4},
        )
    ),
    *({**GOOD, "ref_audio_path": "missing.wav", "streaming_mode": mode} for mode in (0, 1, 2)),
    *({**GOOD, "text": "…?", "streaming_mode": mode} for mode in (0, 1)),
    {**GOOD, "speed_factor": 1.5, "fragment_interval": 0.1},
    {**GOOD, "text": "boom", "streaming_mode": 0},
    {**GOOD, "text": "boom", "streaming_mode": 1},
    {**GOOD, "text": "boom", "streaming_mode": 3, "media_type": "raw"},
]


def test_the_fake_answers_as_the_original_does(real: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reference.wav").write_bytes(b"x")
    with FakeSovits() as fake:

        def same(method: str, path: str, given: dict[str, Any]) -> None:
            wanted = asked(real, method, path, given)
            if given.get("text") == "boom":
                fake.faults.append("silence")
            assert asked(fake.url, method, path, given) == wanted, (method, path, given)

        for given in TTS:
            same("POST", "/tts", given)
        for mode in ("0", "1", "true", "2", "3"):
            same("GET", "/tts", {**GOOD, "streaming_mode": mode})
        same("GET", "/tts", {"text": "Hello"})
        same("GET", "/control", {})
        same("GET", "/nothing", {})
        for kind in ("gpt", "sovits"):
            for weights in ({}, {"weights_path": "missing.ckpt"}, {"weights_path": "there.ckpt"}):
                same("GET", f"/set_{kind}_weights", weights)
