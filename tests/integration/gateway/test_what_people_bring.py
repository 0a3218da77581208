"""Files as phones, recorders and old programs save them, and files made to do harm, through the whole gateway."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.fakes.clips import quarters
from tests.fakes.engine_services import FPS
from tests.fakes.heic import heic
from tests.fakes.odd_media import film, png_with_texts, sound, speech, wide_png
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World

TALK = speech(2.0)
WIDE = np.ascontiguousarray(quarters(300, 200)[:, :, ::-1])
MOST_MB = 600


def picture(form: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(WIDE).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "kind", "content_type"),
    [
        (lambda: heic(WIDE, 128, 1), "image", "image/heic"),
        (lambda: picture("AVIF"), "image", "image/avif"),
        (lambda: picture("BMP"), "image", "image/bmp"),
        (lambda: picture("TIFF"), "image", "image/tiff"),
        (lambda: picture("GIF", save_all=True, append_images=[Image.new("RGB", (300, 200))]), "image", "image/gif"),
        (lambda: sound(speech(2.0, rate=8000), "amr", "libopencore_amrnb", 8000), "audio", "audio/amr"),
        (lambda: sound(TALK, "asf", "wmav2"), "audio", "audio/x-ms-wma"),
        (lambda: sound(TALK, "aiff", "pcm_s16be"), "audio", "audio/aiff"),
        (lambda: sound(TALK, "caf", "alac"), "audio", "audio/x-caf"),
        (lambda: film(2.0, TALK, "mpegts"), "video", "video/mp2t"),
        (lambda: film(2.0, TALK, "flv"), "video", "video/x-flv"),
        (lambda: film(2.0, TALK, "asf", "wmv2", "wmav2"), "video", "video/x-ms-wmv"),
        (lambda: film(2.0, TALK, "vob", "mpeg2video", "mp2"), "video", "video/mpeg"),
    ],
)
async def test_uploads_are_what_they_are(world: World, make: Callable[[], bytes], kind: str, content_type: str) -> None:
    response = await world.upload(make(), "upload.bin")
    assert response.status_code == 201, response.text
    asset = response.json()
    assert (asset["kind"], asset["content_type"]) == (kind, content_type)
    assert asset["animated"] is (content_type == "image/gif")
    if kind == "image":
        assert (asset["width"], asset["height"]) == (300, 200)
        job = (await world.post("avatars", {"asset_id": asset["id"], "name": "x"})).json()
    else:
        assert asset["has_audio"] and 1.8 < asset["duration_s"] < 2.4
        job = (await world.post("videos", {"audio_asset_id": asset["id"]})).json()
    assert (await world.done(job["id"]))["state"] == "succeeded"


async def test_speech_of_a_video_keeps_its_start_and_its_phase(world: World) -> None:
    late = sound([TALK, -TALK], "mov", "pcm_s16le", layout="stereo", start_s=2.0)
    asset = (await world.upload(late, "late.mov")).json()
    assert asset["silent"] is False
    job = await world.done((await world.post("videos", {"audio_asset_id": asset["id"]})).json()["id"])
    made = (await world.http.get(job["result"]["video_url"])).content
    with av.open(io.BytesIO(made)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    assert abs(pictures / FPS - 4.0) < 0.2


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_voice_message_is_named(world: World, lang: str) -> None:
    files = {"file": ("新消息.silk", b"\x02#!SILK_V3" + bytes(range(256)))}
    body = problem(await world.http.post(f"/api/v1/assets?lang={lang}", files=files), 415, "foreign-format")
    assert "SILK" in body["detail"] and ("微信" in body["detail"]) is (lang == "zh")
    assert "wav" in body["hint"]


@pytest.mark.parametrize(
    ("disposition", "shown"),
    [
        ("filename*=UTF-8''%E5%BD%95%E9%9F%B3%201.wav", "录音 1.wav"),
        ("filename=\"x.wav\"; filename*=utf-8'zh'%E5%BD%95.wav", "录.wav"),
        ("filename*=iso-8859-1''caf%E9.wav", "café.wav"),
        ("filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        ('filename="plain.wav"', "plain.wav"),
    ],
)
async def test_names_in_extended_form(world: World, disposition: str, shown: str) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; {disposition}\r\n\r\n'
    body = head.encode() + sound(TALK) + b"\r\n--b--\r\n"
    response = await world.http.post(
        "/api/v1/assets", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert response.status_code == 201, response.text
    assert response.json()["name"] == shown


def hostile() -> Iterator[tuple[str, bytes, int]]:
    """Names, files and the expected status."""
    yield "notes.png", png_with_texts(20, 60_000_000), 422
    yield "many_notes.png", png_with_texts(1200, 900_000), 422
    yield "wide.png", wide_png(20_000), 422
    for i in range(10):
        yield f"film{i}.mp4", FILM, 201


FILM = film(1.0, size=(4096, 4096))


async def zeros(megabytes: int) -> AsyncIterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="zeros.png"\r\n\r\n\x89PNG\r\n\x1a\n'
    for _ in range(megabytes):
        yield bytes(1 << 20)
    yield b"\r\n--b--\r\n"


def memory_mb(pid: int) -> float:
    """Of a process and its children; shared pages are counted once."""
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            total += process.memory_full_info().pss / 2**20
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


async def test_hostile_files_at_once_do_not_fill_the_memory(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m pytest -s -k hostile`` on this file prints the peak."""
    process = world.gateway.process
    assert process
    peak, over = 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal peak
        while not over.is_set():
            peak = max(peak, await asyncio.to_thread(memory_mb, process.pid))
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    before = memory_mb(process.pid)
    headers = {"content-type": "multipart/form-data; boundary=b"}
    files = list(hostile())
    big = world.http.post("/api/v1/assets", content=zeros(200), headers=headers, timeout=300)
    answers = await asyncio.gather(
        big, *(world.http.post("/api/v1/assets", files={"file": (n, d)}, timeout=300) for n, d, _ in files)
    )
    over.set()
    await watching
    assert [a.status_code for a in answers] == [413, *(status for _, _, status in files)], [a.text for a in answers]
    with capsys.disabled():
        print(f"\ngateway with children: {before:.0f} MB before, {peak:.0f} MB at most")  # noqa: T201
    assert before < peak < MOST_MB
    assert (await world.upload(sound(TALK))).status_code == 201
