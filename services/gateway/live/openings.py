"""What can be spoken without waiting: openings of likely answers, prepared by the tts service, and natural openers that
cover the time until the first clause of an answer is synthesised."""

from __future__ import annotations

import asyncio
import logging
import re

from huasheng.llm.v1 import llm_pb2
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway.clients import Clients
from services.gateway.live.words import normalised
from services.gateway.turn.choices import VoiceChoice

log = logging.getLogger("huasheng.gateway.live")

GREETINGS = {"zh": "你好，很高兴见到你。", "en": "Hello, nice to meet you."}
OPENERS = {
    "zh": {"ask": ("嗯，让我想想，", "这个问题嘛，", "我想想啊，"), "say": ("好的，", "嗯，我明白，", "这样啊，")},
    "en": {"ask": ("Well, let me see,", "Good question,", "Let me think,"), "say": ("Okay,", "I see,", "All right,")},
}
"""For a question, and for anything else."""
_QUESTION = re.compile(
    r"[?？]|[吗呢]|什么|怎么|为什么|哪|谁|几|多少|是不是|能不能|可不可以|\b(what|why|how|who|where|when|which|can|could|"
    r"do|does|did|is|are|will|would)\b",
    re.IGNORECASE,
)
LIMIT = 120
"""Openings of likely answers that are prepared."""


class Openings:
    """What the tts service has ready for one voice, and which opener comes next."""

    def __init__(self) -> None:
        self._ready: set[str] = set()
        self._last = ""

    async def warm(
        self, clients: Clients, voice: VoiceChoice, config: tts_pb2.SynthesisConfig, llm: str, likely: str
    ) -> None:
        """Have the tts service prepare openers and the openings of the language model, the ``likely`` language first.

        Returns when all is ready, or the first attempt fails: without it answers only begin later.
        """
        languages = [voice.language] if voice.language in OPENERS else sorted(OPENERS, key=lambda x: x != likely)
        # the first question may come in seconds: one opener of each kind and language before the second of any
        openers = zip(*(kind for lang in languages for kind in OPENERS[lang].values()), strict=True)
        texts = [opener for row in openers for opener in row] + [GREETINGS[lang] for lang in languages]
        for language in languages:
            request = llm_pb2.ListOpeningsRequest(language=language, engine=llm, limit=LIMIT // 2)
            try:
                texts += (await clients.call("llm", "ListOpenings", request)).openings
            except HuashengError as e:
                log.info("no openings", extra={"reason": e.slug})
        texts = [t for t in dict.fromkeys(texts) if len(t) <= 60][:200]
        pause_s = 2.0
        while True:
            try:
                answer = await clients.call("tts", "Warm", tts_pb2.WarmRequest(config=config, texts=texts))
            except HuashengError as e:
                log.info("no prepared speech", extra={"reason": e.slug})
                return
            found = set(map(normalised, answer.ready))
            pause_s = 2.0 if found - self._ready else min(60.0, 2 * pause_s)  # some texts may never become ready
            self._ready = found
            if len(answer.ready) >= len(texts):
                return
            await asyncio.sleep(pause_s)

    def forget(self) -> None:
        """Another voice speaks: nothing is ready."""
        self._ready = set()

    def is_ready(self, clause: str) -> bool:
        """Whether a clause can be spoken without synthesis."""
        return normalised(clause) in self._ready

    def opener(self, question: str, language: str) -> str:
        """An opener that is ready and was not the last one; empty when there is none."""
        kinds = OPENERS.get(language)
        if not kinds:
            return ""
        wanted = kinds["ask" if _QUESTION.search(question) else "say"]
        found = next((o for o in wanted if o != self._last and self.is_ready(o)), "")
        if found:
            self._last = found
        return found

    def rotate(self) -> None:
        """An answer began without an opener: the last one may come again."""
        self._last = ""
