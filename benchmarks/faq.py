"""Measures the faq engine on held-out questions; with --fit, finds the rule on the calibration questions.

python -m benchmarks.faq [--fit] [--wrong]
"""

from __future__ import annotations

import argparse
import time
import tomllib
from pathlib import Path

import numpy as np

from services.common.script import has_han
from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Finished, Message
from services.llm.engines.faq import engine as faq
from services.llm.engines.faq.settings import Settings
from services.llm.settings import LlmSettings

QUESTIONS = tomllib.loads(Path(__file__).with_name("faq_questions.toml").read_text(encoding="utf-8"))


def load() -> faq.FaqEngine:
    setup = Settings(), SharedSettings(), LlmSettings()
    if error := faq.FaqEngine.unavailable(*setup):
        raise SystemExit(str(error))
    engine = faq.FaqEngine(*setup)
    engine.load()
    return engine


def questions(part: str) -> list[tuple[str, str]]:
    return [(name, q) for name, asked in QUESTIONS[part].items() for q in asked]


def measure(engine: faq.FaqEngine, part: str, show: bool) -> None:
    """Right: the right entry, or unknown for what the file does not know."""
    right: dict[tuple[str, str], list[bool]] = {}
    began = time.perf_counter()
    for name, question in questions(part):
        m = engine.match(question)
        got = m.entry.id if m.known else "unknown"
        kind = ("off-topic" if name == "unknown" else "on-topic", "zh" if has_han(question) else "en")
        right.setdefault(kind, []).append(got == name)
        if show and got != name:
            print(f"  {question!r}: {got} ({m.entry.id} {m.ahead:+.2f}), wanted {name}")
    spent = (time.perf_counter() - began) / len(questions(part))
    for kind, values in sorted(right.items()):
        print(f"{part} {kind[0]} {kind[1]}: {sum(values)}/{len(values)} right ({np.mean(values):.0%})")
    everything = [v for values in right.values() for v in values]
    print(
        f"{part} all: {sum(everything)}/{len(everything)} right ({np.mean(everything):.0%}), {spent * 1e3:.0f} ms each"
    )


def fit(engine: faq.FaqEngine) -> None:
    """The weight of words and the margin that get most calibration questions right."""
    tried: list[tuple[int, float, float]] = []
    for weight in np.arange(0.0, 0.61, 0.05):
        faq.WORDS_WEIGHT = float(weight)
        matches = [(name, engine.match(q)) for name, q in questions("calibration")]
        for margin in np.arange(0.0, 0.4, 0.01):
            right = sum((m.entry.id if m.ahead >= margin else "unknown") == name for name, m in matches)
            tried.append((right, float(weight), float(margin)))
    for right, weight, margin in sorted(tried, reverse=True)[:12]:
        print(f"WORDS_WEIGHT {weight:.2f} MARGIN {margin:.2f}: {right} right")


def answer(engine: faq.FaqEngine, question: str) -> tuple[str, str]:
    import threading

    conversation = Conversation([Message("user", question)], engine.model, "", 400, 0.7)
    pieces = list(engine.chat(conversation, threading.Event()))
    finished = pieces[-1]
    assert isinstance(finished, Finished)
    return "".join(p for p in pieces if isinstance(p, str)), finished.reason.value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--wrong", action="store_true", help="show every wrong answer")
    parser.add_argument("--ask", help="print the answer to one question")
    args = parser.parse_args()
    began = time.perf_counter()
    engine = load()
    print(f"{len(engine.knowledge.entries)} entries loaded in {time.perf_counter() - began:.1f} s")
    if args.ask:
        print(answer(engine, args.ask))
        return
    if args.fit:
        fit(engine)
        return
    for part in QUESTIONS:
        measure(engine, part, args.wrong)


if __name__ == "__main__":
    main()
