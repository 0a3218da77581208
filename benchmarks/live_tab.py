"""A browser tab in a long live conversation: its memory, and whether picture and sound stay together.

Used by ``python -m benchmarks.sessions --page``.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.live import ARGS, RECORDER, Viewer, interrupt, spoken
from benchmarks.live_figures import Figures

BROKEN_OFF = 5
"""Every so manieth answer is broken off, by the key and by words in turn."""


@dataclass
class Tab:
    """What was met in the tab; times in minutes from its first question."""

    talk: Figures = field(default_factory=Figures)
    answers: int = 0
    broken_off: int = 0
    at_min: list[float] = field(default_factory=list)
    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    """After each answer: the used JS heap after a collection; the resident size of the tab's process, and of the
    browser's other processes together."""
    skew_ms: list[tuple[float, float]] = field(default_factory=list)
    """Of each answer: when, and the median of picture minus sound."""


def resident_mb(pid: int) -> float:
    """Memory of a process that is really there, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def _weigh(tab: Tab, browser: CDPSession, page: CDPSession) -> None:
    page.send("HeapProfiler.collectGarbage")
    sizes: dict[str, float] = {"tab: JS heap": page.send("Runtime.getHeapUsage")["usedSize"] / 1e6}
    processes = browser.send("SystemInfo.getProcessInfo")["processInfo"]
    resident = {p["id"]: resident_mb(p["id"]) for p in processes if Path(f"/proc/{p['id']}").exists()}
    # a spare renderer may wait for the next page: the tab is the largest
    own = max((resident[p["id"]] for p in processes if p["type"] == "renderer" and p["id"] in resident), default=0.0)
    sizes |= {"tab: process": own, "browser: the rest": sum(resident.values()) - own}
    for name, size in sizes.items():
        tab.memory_mb.setdefault(name, []).append(size)


def _turn(viewer: Viewer, tab: Tab, number: int, questions: list[Any], breaks: list[Any], minute: float) -> None:
    text, wav = questions[number % len(questions)]
    if number % BROKEN_OFF == BROKEN_OFF - 1:
        by_words = number // BROKEN_OFF % 2
        interrupt(viewer, wav, breaks[number % len(breaks)][1] if by_words else None, tab.talk)
        tab.broken_off += 1
    else:
        viewer.say(wav)
        before = len(tab.talk.skew_ms)
        tab.talk.add_turn(viewer.until("timings"), text)
        tab.answers += 1
        if skews := tab.talk.skew_ms[before:]:
            tab.skew_ms.append((minute, float(np.median(skews))))
    viewer.forget()  # the record would grow with the time


def hold_talk(url: str, minutes: float, every_s: float, tab: Tab) -> None:
    """Ask a question every ``every_s`` seconds by voice, or when the last one is answered, for so many minutes."""
    questions, breaks = spoken(url)
    with sync_playwright() as p:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser: Browser = p.chromium.launch(executable_path=chromium, args=ARGS)
        context = browser.new_context(locale="en-US", permissions=["microphone"])
        context.add_init_script(RECORDER)
        page: Page = context.new_page()
        sizes = browser.new_browser_cdp_session(), context.new_cdp_session(page)
        viewer = Viewer(page, url)
        began, number = time.monotonic(), 0
        while (now := time.monotonic()) < began + minutes * 60:
            minute = (now - began) / 60
            _turn(viewer, tab, number, questions, breaks, minute)
            _weigh(tab, *sizes)
            tab.at_min.append(minute)
            number += 1
            page.wait_for_timeout(max(800.0, (now + every_s - time.monotonic()) * 1000))
        browser.close()


def report(tab: Tab, size_rows: list[tuple[str, list[float], list[float]]]) -> None:
    """Print the tab's answers, and add its sizes (MB, with their minutes) to the rows of the table of memory."""
    talk = tab.talk
    print(f"tab: answers {tab.answers}, broken off {tab.broken_off}, lost {len(talk.lost)}: {talk.lost}")
    print(f"freezes over 120 ms: {len(talk.freezes)} in {talk.speaking_s:.0f} s of speech")
    if len(tab.skew_ms) >= 2:
        few = max(1, min(5, len(tab.skew_ms) // 2))
        first, last = (float(np.median([s for _, s in part])) for part in (tab.skew_ms[:few], tab.skew_ms[-few:]))
        print(
            f"picture minus sound: first {few} answers {first:.1f} ms, last {few} {last:.1f} ms: "
            f"drift {last - first:+.1f} ms in {tab.skew_ms[-1][0] - tab.skew_ms[0][0]:.0f} minutes"
        )
    size_rows += [(name, sizes, tab.at_min) for name, sizes in tab.memory_mb.items()]
