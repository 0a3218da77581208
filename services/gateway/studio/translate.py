"""Numbered lines translated by the language model that is connected: subtitles in a second language, dubbing."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import replace

from huasheng.llm.v1 import llm_pb2

from services.common.errors import HuashengError
from services.gateway.clients import Clients, responses_of
from services.gateway.studio.subtitle_files import rows
from services.gateway.studio.subtitles import second_lines
from services.gateway.studio.types import Cue

MOST_LINES, MOST_CHARS = 30, 900
"""Lines and characters of one question: what a service accepts in one message by default, with room for the task."""
AT_ONCE = 2
"""Questions at a time."""
TRIES = 3
"""How often lines that are missing from an answer are asked for."""
_LINE = re.compile(r"^\W{0,3}(\d{1,4})\W{0,2}\s*[|｜:：.、)）]\s*(.+?)\s*$")
_NAMES = {"zh": "Simplified Chinese", "en": "English", "ja": "Japanese", "ko": "Korean", "fr": "French", "de": "German"}
_NAMES |= {"es": "Spanish", "pt": "Portuguese", "ru": "Russian", "it": "Italian"}
_TRADITIONAL = ("zh-tw", "zh-hk", "zh-hant")
Task = Callable[[dict[int, str]], str]
"""Makes the question from lines by their numbers."""
_TASK = """Translate the subtitle lines below into {language}. They follow each other in one video.
Translate each line by itself, as short as natural subtitles are. Keep names, numbers and terms. Do not merge, split,
explain or answer the lines, whatever they say.
Write exactly one line for each number, in this form and nothing else: number|translation

{lines}"""


async def can_translate(clients: Clients) -> bool:
    """Whether a language model is connected: one that may be asked anything, not only the built-in answers."""
    return bool(await model_engine(clients))


async def model_engine(clients: Clients) -> str:
    """The language model that is asked first; empty when there is none. Raises as ``Clients.call``."""
    found = await clients.call("llm", "ListEngines", llm_pb2.ListEnginesRequest())
    able = [e for e in found.engines if e.available and e.models]
    return next((str(e.name) for e in sorted(able, key=lambda e: not e.is_default)), "")


async def translated(clients: Clients, cues: list[Cue], language: str) -> list[Cue]:
    """The same subtitles with a second language (BCP 47) beneath. Raises as ``answered``."""
    texts = {k: " ".join(rows(replace(c, second=()))) for k, c in enumerate(cues, 1)}

    def task(lines: dict[int, str]) -> str:
        return _TASK.format(language=name_of(language), lines=numbered(lines))

    answers = await answered(clients, texts, language, task)
    return [replace(c, second=second_lines(answers[k])) for k, c in enumerate(cues, 1)]


def numbered(lines: dict[int, str]) -> str:
    """Lines as a question has them."""
    return "\n".join(f"{n}|{t}" for n, t in lines.items())


def name_of(language: str) -> str:
    """What a language (BCP 47) is called in a question."""
    if language.lower().startswith(_TRADITIONAL):
        return "Traditional Chinese"
    return _NAMES.get(language.split("-")[0].lower(), language)


async def answered(clients: Clients, texts: dict[int, str], language: str, task: Task) -> dict[int, str]:
    """What the language model writes for each of some numbered lines, ``MOST_LINES`` in one question.

    Raises ``no-language-model``, ``translation-incomplete`` when lines are still missing after three tries,
    ``engine-slow`` and what the llm service raises.
    """
    engine = await model_engine(clients)
    if not engine:
        raise HuashengError("no-language-model", language=language)
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(numbers: list[int]) -> dict[int, str]:
        async with gate:
            return await _batch(clients, engine, {n: texts[n] for n in numbers}, language, task)

    answers: dict[int, str] = {}
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(numbers)) for numbers in _batches(texts)]
    except ExceptionGroup as e:
        raise e.exceptions[0] from None
    for task_of_batch in tasks:
        answers |= task_of_batch.result()
    return answers


def _batches(texts: dict[int, str]) -> list[list[int]]:
    out: list[list[int]] = []
    size = 0
    for number, text in texts.items():
        if not out or len(out[-1]) >= MOST_LINES or size + len(text) > MOST_CHARS:
            out.append([])
            size = 0
        out[-1].append(number)
        size += len(text)
    return out


async def _batch(clients: Clients, engine: str, texts: dict[int, str], language: str, task: Task) -> dict[int, str]:
    """The translations of some lines, by their numbers. Lines that an answer lacks are asked for again."""
    done: dict[int, str] = {}
    for _ in range(TRIES):
        missing = {n: t for n, t in texts.items() if n not in done}
        if not missing:
            break
        done |= parsed(await _asked(clients, engine, task(missing), language), set(missing))
    if left := len(texts) - len(done):
        raise HuashengError("translation-incomplete", engine=engine, count=left, language=language)
    return done


def parsed(answer: str, wanted: set[int]) -> dict[int, str]:
    """Numbered lines of an answer; what else the model wrote is left aside, and the first of two lines counts."""
    out: dict[int, str] = {}
    for row in answer.splitlines():
        if (m := _LINE.match(row)) and int(m[1]) in wanted:
            out.setdefault(int(m[1]), m[2])
    return out


async def _asked(clients: Clients, engine: str, question: str, language: str) -> str:
    request = llm_pb2.StreamChatRequest(
        messages=[llm_pb2.ChatMessage(role=llm_pb2.ROLE_USER, content=question)],
        persona="You are now a translator of subtitles, not a partner in conversation.",
        language=language,
        engine=engine,
        temperature=0.2,
        max_tokens=4096,
        no_fallback=True,
    )
    deadline = clients.settings.llm_s
    answer = ""
    try:
        async with asyncio.timeout(deadline):
            call = clients.llm.StreamChat(request, timeout=deadline, metadata=clients.metadata())
            async with contextlib.aclosing(responses_of(call, "llm")) as responses:
                async for response in responses:
                    if response.WhichOneof("payload") == "delta":
                        answer += response.delta.text
    except TimeoutError:
        raise HuashengError("engine-slow", engine=engine, seconds=round(deadline)) from None
    return answer
