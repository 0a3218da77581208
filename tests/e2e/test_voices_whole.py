"""A voice of one's own through the real gateway and the real tts service; GPT-SoVITS, the other engines are fakes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.tts.engines.gpt_sovits.settings import Settings as GptSovitsSettings
from services.tts.server import make_service
from services.tts.settings import TtsSettings
from tests.e2e.conftest import Web
from tests.fakes import serving
from tests.fakes.engine_services import Fakes
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.gpt_sovits_server import FakeSovits
from tools.system import ROOT

SPEECH = ROOT.parent / "shared" / "data" / "audio" / "en_echomimic_5s.wav"


class Whole:
    """The gateway as a process, the services in a thread of their own."""

    def __init__(self, folder: Path, sovits: FakeSovits) -> None:
        self.sovits = sovits
        self.storage = Storage(f"file://{folder}/storage")
        self.fakes = Fakes(self.storage)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self._start(folder))

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self, folder: Path) -> None:
        for name in ("asr", "llm", "render"):
            await self.fakes.start(name)
        settings = TtsSettings(engines="gpt_sovits")
        own = {"gpt_sovits": GptSovitsSettings(urls=self.sovits.url, voices_dir=folder / "clips")}
        spec = make_service(settings, SharedSettings(storage_url=f"file://{folder}/storage"), own)
        self._tts = await serving.start(spec, settings)
        environment = {**self.fakes.environment(), "GATEWAY_TTS_ADDRESS": self._tts.address}
        self.gateway = GatewayProcess(folder, environment)
        await self.gateway.start()

    async def _stop(self) -> None:
        await self.gateway.stop()
        await self._tts.stop(None)
        await self.fakes.stop_all()

    def stop(self) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    if not SPEECH.exists():
        pytest.skip("needs a recording of real speech")
    with FakeSovits() as sovits:
        running = Whole(tmp_path, sovits)
        yield running
        running.stop()


@pytest.fixture
def page_of(browser: Any, whole: Whole) -> Iterator[Callable[[], Web]]:
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    web = Web(context.new_page(), whole.gateway.url, None)
    yield lambda: web
    complaints = web.complaints()
    context.close()
    assert complaints == []


def test_cloned_heard_renamed_used_and_deleted(whole: Whole, page_of: Callable[[], Web]) -> None:
    web = page_of()
    page = web.go("/voices")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(SPEECH)
    page.get_by_label("Name").fill("Anna")
    page.get_by_label("Whose voice it is").fill("Anna B.")
    page.get_by_label("its owner has agreed").check()
    page.get_by_role("button", name="Clone voice").click()
    made = page.locator(".own-voice")
    expect(made).to_contain_text("Anna B. agreed")

    made.get_by_text("Recordings (1)").click()
    expect(made.locator(".clip-row")).to_contain_text("你好，你是谁？")  # what the fake recogniser heard
    play = made.get_by_role("button", name="Listen to Anna")
    play.click()
    web.until("!document.querySelector('.icon-button.waiting')")
    expect(made.locator(".problem")).to_have_count(0)
    sample = whole.sovits.requests[-1]
    assert sample["prompt_text"] == "你好，你是谁？" and Path(sample["ref_audio_path"]).exists()
    made.get_by_text("Say something").click()
    made.get_by_label("What to say").fill("What a fine day.")
    made.get_by_role("button", name="Say it").click()
    expect(made.get_by_role("button", name="Say it")).to_be_enabled()
    assert whole.sovits.requests[-1]["text"] == "What a fine day."

    made.get_by_role("button", name="Rename “Anna”").click()
    page.keyboard.type("Anna B.")
    page.keyboard.press("Enter")
    expect(made.get_by_role("button", name="Rename “Anna B.”")).to_be_focused()

    page.goto(page.url.replace("/voices", "/avatars"))
    page.get_by_role("button", name="Voice of 画: Automatic voice").click()
    page.get_by_role("dialog").locator("label", has_text="Anna B.").click()
    expect(page.get_by_role("button", name="Voice of 画: Anna B.")).to_be_attached()
    page.keyboard.press("Escape")
    page.goto(page.url.replace("/avatars", "/video_generation"))
    expect(page.get_by_role("button", name="Voice: Anna B. (the avatar’s)")).to_be_visible()
    page.get_by_label("What to say").fill("Welcome, everybody.")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("video.player")).to_be_visible()
    assert "Welcome, everybody." in str(whole.sovits.requests[-1]["text"])

    web.go("/voices")
    made.get_by_role("button", name="Delete the voice “Anna B.”").click()
    expect(page.get_by_role("dialog")).to_contain_text("画 spoke with it")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(made).to_have_count(0)
    web.go("/avatars")
    expect(page.locator(".person")).to_contain_text("The voice “Anna B.” was deleted")
    kept = [p for p in Path(whole.storage.root).rglob("*") if p.is_file() and {"voices", "samples"} & set(p.parts)]
    assert kept == [], "nothing of the voice is left"
