"""The asr service as a scriptable fake."""

from __future__ import annotations

import asyncio

from huasheng.asr.v1 import asr_pb2, asr_pb2_grpc

from tests.fakes.service_script import Script, engine


class Asr(asr_pb2_grpc.AsrServiceServicer):
    def __init__(self) -> None:
        self.script = Script()
        self.text, self.language = "你好，你是谁？", "zh"
        self.segments: list[tuple[str, float, float]] = []
        self.live: asyncio.Queue[asr_pb2.StreamTranscribeResponse] = asyncio.Queue()
        self.live_bytes = self.listening = 0
        self.was_ended = False

    async def StreamTranscribe(self, requests, context):
        self.script.enter()
        self.listening += 1

        async def read() -> None:
            async for r in requests:
                if r.WhichOneof("payload") == "config":
                    self.script.seen.append(r.config)
                self.live_bytes += len(r.audio.data)
                self.was_ended = self.was_ended or r.WhichOneof("payload") == "end"

        reading = asyncio.create_task(read())
        try:
            while True:
                yield await self.live.get()
        finally:
            reading.cancel()
            self.listening -= 1

    async def Transcribe(self, requests, context):
        self.script.enter()
        audio = b""
        async for r in requests:
            if r.WhichOneof("payload") == "config":
                self.script.seen.append(r.config)
            elif r.WhichOneof("payload") == "audio":
                audio += r.audio.data
        await self.script.pause()
        stretches = self.segments or ([(self.text, 0.0, 0.9)] if self.text else [])
        segments = [asr_pb2.Segment(text=t, start_us=round(a * 1e6), end_us=round(b * 1e6)) for t, a, b in stretches]
        return asr_pb2.TranscribeResponse(
            text=self.text,
            language=self.language,
            language_probability=0.9,
            duration_us=1_000_000,
            segments=segments,
            engine="fake-asr",
            fallbacks=self.script.fallbacks,
        )

    async def ListEngines(self, request, context):
        self.script.enter()
        return asr_pb2.ListEnginesResponse(engines=[engine("fake-asr")])
