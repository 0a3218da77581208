"""A language model that translates subtitles, badly on demand."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from huasheng.llm.v1 import llm_pb2, llm_pb2_grpc

from tests.fakes.service_script import engine


class Translator(llm_pb2_grpc.LlmServiceServicer):
    """Answers each numbered line with its words in brackets. ``forgets``: lines that the next answers leave out."""

    def __init__(self) -> None:
        self.engines = [engine("fake-llm", models=["m"])]
        self.forgets: list[set[int]] = []
        self.says = "{number}|<{text}>"
        self.seen: list[Any] = []
        self.silence = asyncio.Event()
        """Nothing is said until this is set."""
        self.silence.set()

    async def StreamChat(self, request, context):
        self.seen.append(request)
        await self.silence.wait()
        lines = re.findall(r"^(\d+)\|(.*)$", request.messages[-1].content, re.MULTILINE)
        lost = self.forgets.pop(0) if self.forgets else set()
        answer = "".join(self.says.format(number=n, text=t) + "\n" for n, t in lines if int(n) not in lost)
        yield llm_pb2.StreamChatResponse(started=llm_pb2.ChatStarted(engine=request.engine, model="m"))
        for k in range(0, len(answer), 7):
            yield llm_pb2.StreamChatResponse(delta=llm_pb2.ChatDelta(text=answer[k : k + 7]))
        yield llm_pb2.StreamChatResponse(finished=llm_pb2.ChatFinished(reason=llm_pb2.FINISH_REASON_STOP))

    async def ListEngines(self, request, context):
        return llm_pb2.ListEnginesResponse(engines=self.engines)
