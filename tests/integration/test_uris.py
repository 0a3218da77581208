"""Every RPC that takes the URI of a file reads files of the storage alone, whatever the URI looks like.

The list is made from the contracts: a new request field whose name ends in ``uri`` needs an entry in ``ASKING``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from huasheng.asr.v1 import asr_pb2
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from services.asr.engines.base import AsrEngine
from services.asr.server import make_service as make_asr
from services.asr.settings import AsrSettings
from services.common.errors import HuashengError, from_rpc
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.tts.engines.gpt_sovits.settings import Settings as GptSovitsSettings
from services.tts.reference import Reference
from services.tts.server import make_service as make_tts
from services.tts.settings import TtsSettings
from services.tts.voices import Consent, VoiceStore
from tests.fakes.asr_engine import REGISTRY, ScriptedVad
from tests.fakes.gpt_sovits_server import FakeSovits
from tests.fakes.media import tone, wav
from tests.fakes.protos import answers, every_method, text_fields
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import FAKES, open_rig
from tests.fakes.serving import Serve
from tests.fakes.watched_file import watched

NAME = "secret.wav"
CONSENT = {"statement": "This is my own voice.", "given_by": "A. Person"}
TAKING = {
    (f"{m.containing_service.name}.{m.name}", path[-1])
    for _, m in every_method()
    for path in text_fields(m.input_type)
    if path[-1].removesuffix("s").endswith("uri")
}
METHODS = {f"{m.containing_service.name}.{m.name}": (service, m) for service, m in every_method()}


@dataclass
class World:
    channels: dict[str, Any]
    storage: Storage
    root: Path
    voice_id: str
    good: Path
    secret: Path


@pytest.fixture
async def world(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(AsrEngine, "load", lambda self: setattr(self, "vad", ScriptedVad()))
    # a training is begun even where there is no torch; it ends at its check of the clip
    monkeypatch.setattr(FakeEngine, "trains_with_torch", False)
    rig = await open_rig(serve, tmp_path, FAKES, engines="fake")
    root, storage = rig.root, rig.storage
    shared = SharedSettings(storage_url=f"file://{root}")
    asr = AsrSettings(engines="ruler")
    storage.put(f"assets/good/{NAME}", wav(tone(4)))
    secret = tmp_path / "outside" / NAME
    secret.parent.mkdir()
    secret.write_bytes(wav(tone(4)))
    (root / "assets" / "link").mkdir()
    (root / "assets" / "link" / NAME).symlink_to(secret)
    (root / "assets" / "folder").symlink_to(secret.parent)
    with FakeSovits() as fake:
        own = {"gpt_sovits": GptSovitsSettings(urls=fake.url, streaming=1, voices_dir=tmp_path / "clips")}
        tts = TtsSettings(engines="gpt_sovits")
        voice = VoiceStore(storage, tmp_path / "clips").create(
            owner="local",
            name="Anna",
            language="en-US",
            transcript="Hello.",
            engine="gpt_sovits",
            model="",
            references=[Reference(tone(4), 20, -20)],
            consent=Consent(**CONSENT, recorded_us=1),
        )
        channels = {
            "asr": (await serve(make_asr(asr, shared, registry=REGISTRY), asr)).channel,
            "tts": (await serve(make_tts(tts, shared, own), tts)).channel,
            "render": rig.channel,
        }
        yield World(channels, storage, root, voice.voice_id, root / "assets" / "good" / NAME, secret)


def clone(world: World, uri: str, *more: str) -> tts_pb2.CreateVoiceRequest:
    return tts_pb2.CreateVoiceRequest(
        owner="local",
        name="Anna",
        transcript="Hello.",
        language="en-US",
        consent=tts_pb2.Consent(**CONSENT),
        reference_uri=uri,
        more_reference_uris=more,
    )


def composed(**how: object) -> render_pb2.StreamRenderRequest:
    form = common_pb2.AudioFormat(encoding=common_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16000, channels=1)
    asked = render_pb2.Composition(width=64, height=64, **how)
    return render_pb2.StreamRenderRequest(config=render_pb2.RenderConfig(owner="local", format=form, composition=asked))


ASKING: dict[tuple[str, str], Callable[[World, str], Any]] = {
    ("AsrService.Transcribe", "audio_uri"): lambda _, uri: asr_pb2.TranscribeRequest(
        config=asr_pb2.RecognitionConfig(audio_uri=uri)
    ),
    ("AsrService.StreamTranscribe", "audio_uri"): lambda _, uri: asr_pb2.StreamTranscribeRequest(
        config=asr_pb2.RecognitionConfig(audio_uri=uri)
    ),
    ("TtsService.CreateVoice", "reference_uri"): clone,
    ("TtsService.CreateVoice", "more_reference_uris"): lambda world, uri: clone(
        world, world.storage.uri(f"assets/good/{NAME}"), uri
    ),
    ("TtsService.AddVoiceClip", "reference_uri"): lambda world, uri: tts_pb2.AddVoiceClipRequest(
        owner="local", voice_id=world.voice_id, reference_uri=uri
    ),
    ("RenderService.PrepareAvatar", "source_uri"): lambda _, uri: render_pb2.PrepareAvatarRequest(
        avatar_id="ann", owner="local", source_uri=uri, name="Ann"
    ),
    ("RenderService.CompareFaces", "first_uri"): lambda world, uri: render_pb2.CompareFacesRequest(
        owner="local", first_uri=uri, second_uri=world.storage.uri(f"assets/good/{NAME}")
    ),
    ("RenderService.CompareFaces", "second_uri"): lambda world, uri: render_pb2.CompareFacesRequest(
        owner="local", first_uri=world.storage.uri(f"assets/good/{NAME}"), second_uri=uri
    ),
    ("RenderService.StreamRender", "picture_uri"): lambda _, uri: composed(
        background=render_pb2.Background(picture_uri=uri),
        overlays=[render_pb2.Overlay(picture_uri=uri, box=render_pb2.FaceBox(right=1, bottom=1))],
    ),
    ("RenderService.StreamRender", "film_uri"): lambda _, uri: composed(background=render_pb2.Background(film_uri=uri)),
    ("RenderService.Train", "video_uri"): lambda _, uri: render_pb2.TrainRequest(
        training_id="talk", owner="local", video_uri=uri, steps=20
    ),
}
READS_NONE = {("AsrService.StreamTranscribe", "audio_uri")}
"""The field belongs to another RPC that takes the same message, and is always refused here."""


def foreign(world: World) -> list[str]:
    """URIs that lead to the secret, or would if they were understood in some other way."""
    root, secret = f"file://{world.root}", world.secret
    return [
        f"file://{secret}",
        f"file://localhost{secret}",
        f"file:{secret}",
        str(secret),
        f"{root}/../../outside/{NAME}",
        f"{root}/assets/../../../outside/{NAME}",
        f"{root}/%2e%2e/%2e%2e/outside/{NAME}",
        f"{root}/..%2F..%2Foutside/{NAME}",
        f"{root}/assets/link/{NAME}",
        f"{root}/assets/folder/{NAME}",
        f"{root}//{str(secret).lstrip('/')}",
        f"{root}{secret.parent}/{NAME}",
        f"local://{secret}",
        f"s3://bucket/{NAME}",
        f"http://127.0.0.1:9/{NAME}",
        f"https://127.0.0.1:9/{NAME}",
        f"ftp://127.0.0.1/{NAME}",
        f"simplecache::file://{secret}",
        f"memory://{NAME}",
        f"data:text/{NAME}",
        f"~/{NAME}",
        NAME,
        f"../{NAME}",
        f"assets/good/{NAME}",
    ]


def test_every_field_with_a_uri_is_tried() -> None:
    assert set(ASKING) == TAKING


async def ask(world: World, name: str, request: Any) -> HuashengError | None:
    """Why it was refused."""
    service, method = METHODS[name]
    try:
        await answers(world.channels[service], service, method, request, timeout=60)
    except grpc.aio.AioRpcError as e:
        return from_rpc(e, service)
    return None


@pytest.mark.parametrize("case", sorted(TAKING), ids="-".join)
async def test_a_file_outside_the_storage_is_like_one_that_is_not_there(
    world: World, case: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.root)  # a path without a root must not begin here either
    make = ASKING[case]
    missing = await ask(world, case[0], make(world, world.storage.uri(f"assets/missing/{NAME}")))
    assert missing and missing.slug == ("bad-request" if case in READS_NONE else "unknown-id")
    with watched(world.secret) as opened:
        for uri in foreign(world):
            error = await ask(world, case[0], make(world, uri))
            assert error and (error.slug, error.params) == (missing.slug, missing.params), uri
        assert not opened()
    with watched(world.good) as opened:
        error = await ask(world, case[0], make(world, world.storage.uri(f"assets/good/{NAME}")))
        if case not in READS_NONE:
            assert opened() and (error is None or error.slug != "unknown-id"), "what is asked is what would be read"


async def test_nothing_is_asked_of_the_network(world: World) -> None:
    came: list[object] = []
    server = await asyncio.start_server(lambda _reader, writer: (came.append(1), writer.close()), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.close)
        for case, make in ASKING.items():
            for scheme in ("http", "https", "ftp", "webdav", "sftp"):
                assert await ask(world, case[0], make(world, f"{scheme}://127.0.0.1:{port}/{NAME}"))
    assert not came
