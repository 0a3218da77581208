"""A live conversation as its user meets it: real Chromium, real services, spoken questions, interruptions.

    python -m benchmarks.live [--turns 30] [--interruptions 10] [--no-cache] [--json FILE]

Questions are spoken by the embedded voices, into a microphone that the page takes for a real one; the delays of real
devices are not in the figures. ``--no-cache`` switches off the memory of tts for clauses. Needs Chromium.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from huasheng import Huasheng
from playwright.sync_api import Page, sync_playwright

from benchmarks.live_figures import Figures, Log, events
from tools.system import System, free_ports

ARGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
RECORDER = Path(__file__).with_name("live_page.js").read_text(encoding="utf-8")
LIMIT_S = 60.0
QUESTIONS = {
    "zh": (
        "画声是什么？",
        "你能做什么？",
        "怎么制作自己的形象？",
        "需要显卡吗？",
        "支持哪些语言？",
        "可以克隆我的声音吗？",
        "怎么接入语言模型？",
        "可以上传什么文件？",
        "生成一个视频要多久？",
        "怎么部署到服务器上？",
    ),
    "en": (
        "What is Huasheng?",
        "What can you do?",
        "How do I make an avatar?",
        "Do I need a graphics card?",
        "Which languages do you speak?",
        "Can I clone my voice?",
        "How do I connect a language model?",
        "Which files can I upload?",
        "How long does a video take?",
        "How do I deploy it on a server?",
    ),
}
INTERRUPTIONS = {"zh": "等一下，先停一下。", "en": "Wait, please stop for a moment."}


def spoken(url: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Questions and interruptions: (text, WAV in base64), each language in turn, in several voices."""
    with Huasheng(url) as hs:
        voices = {lang: [v.voice_id for v in hs.voices.list() if v.language.startswith(lang)] for lang in QUESTIONS}

        def say(text: str, lang: str, i: int) -> tuple[str, str]:
            voice = voices[lang][i % len(voices[lang])] if voices[lang] else None
            return text, base64.b64encode(hs.speech.create(text, language=lang, voice_id=voice).wav).decode()

        pairs = zip(QUESTIONS["zh"], QUESTIONS["en"], strict=True)
        questions = [say(t, lang, i) for i, pair in enumerate(pairs) for lang, t in zip(QUESTIONS, pair, strict=True)]
        return questions, [say(t, lang, 0) for lang, t in INTERRUPTIONS.items()]


class Viewer:
    """The page in a live conversation."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(f"{url}/chat_system")
        page.get_by_role("button", name="Talk live").click()
        self._mark = 0
        self.until("timings")  # of the greeting

    def say(self, wav: str) -> None:
        """Speak, and record from now on."""
        self._mark = self.page.evaluate("liveLog.length")
        self.page.evaluate("(wav) => saySound(wav)", wav)

    def forget(self) -> None:
        """Drop what was recorded."""
        self.page.evaluate("liveLog.length = 0")
        self._mark = 0

    def log(self) -> Log:
        """What was recorded since ``say``."""
        log: Log = self.page.evaluate("(from) => liveLog.slice(from)", self._mark)
        return log

    def until(self, kind: str, count: int = 1) -> Log:
        """Wait for events of a kind; what was recorded, or nothing when they do not come."""
        end = time.monotonic() + LIMIT_S
        script = "([from, kind]) => liveLog.slice(from).filter((e) => e.message?.type === kind).length"
        while self.page.evaluate(script, [self._mark, kind]) < count:
            if time.monotonic() > end:
                return []
            self.page.wait_for_timeout(50)
        return self.log()

    def until_drawn(self, us: int) -> bool:
        """Wait until a picture of that time of the answer was drawn."""
        end = time.monotonic() + LIMIT_S
        script = "([from, us]) => liveLog.slice(from).some((e) => e.what === 'drawn' && e.pts >= us)"
        while not self.page.evaluate(script, [self._mark, us]):
            if time.monotonic() > end:
                return False
            self.page.wait_for_timeout(20)
        return True


def interrupt(viewer: Viewer, question: str, words: str | None, figures: Figures) -> None:
    """Ask, and break the answer off after 1.5 s: by words, or by the key when there are none."""
    viewer.say(question)
    if not viewer.until_drawn(1_500_000):
        figures.lost.append("an answer to interrupt")
        return
    if words:
        viewer.say(words)
        log = viewer.until("interrupted")
        figures.add_interruption(log, by_hand=False)
        viewer.until("timings")  # of the answer to the interruption
    else:
        viewer._mark = viewer.page.evaluate("liveLog.length")
        viewer.page.keyboard.press("Escape")
        viewer.until("interrupted")
        viewer.page.wait_for_timeout(200)
        figures.add_interruption(viewer.log(), by_hand=True)
    viewer.page.wait_for_timeout(1200)


def converse(url: str, turns: int, interruptions: int) -> Figures:
    """One viewer's conversation."""
    figures = Figures()
    questions, breaks = spoken(url)
    with sync_playwright() as p:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = p.chromium.launch(executable_path=chromium, args=ARGS)
        context = browser.new_context(locale="en-US", permissions=["microphone"])
        context.add_init_script(RECORDER)
        viewer = Viewer(context.new_page(), url)
        viewer.page.wait_for_timeout(5000)  # the first clauses are prepared
        for i in range(turns):
            text, wav = questions[i % len(questions)]
            viewer.say(wav)
            figures.add_turn(viewer.until("timings"), text)
            print(".", end="", flush=True)
            viewer.page.wait_for_timeout(800)
        for i in range(interruptions):
            interrupt(viewer, questions[2 * i % len(questions)][1], breaks[i % 2][1] if i % 2 else None, figures)
            print("!", end="", flush=True)
        heard = [e["message"]["text"] for e in events(viewer.page.evaluate("liveLog"), "final")]
        print(f"\n{len(heard)} utterances recognised")
        browser.close()
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--interruptions", type=int, default=10, help="every other one by the key")
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    ports = free_ports(["asr", "llm", "tts", "render", "gateway", "http"])
    env: dict[str, Any] = {"TTS_CACHE_MB": "0"} if args.no_cache else {}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as data, System(Path(data), ports=ports, metrics=False, env=env) as system:
        system.start()
        system.wait_ready()
        figures = converse(system.url, args.turns, args.interruptions)
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, load before {load:.1f}, after {os.getloadavg()[0]:.1f}\n")
    print("| figure | p50 / p95 | of | goal |\n|---|---|---|---|")
    for row in figures.rows():
        print("| " + " | ".join(row) + " |")
    for at, length in figures.freezes:
        print(f"frozen for {length:.0f} ms, {at / 1000:.1f} s into an answer")
    for question in figures.lost:
        print(f"no answer: {question}")
    if args.json:
        args.json.write_text(json.dumps(asdict(figures), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
