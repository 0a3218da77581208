"""One turn is one trace through gateway and services, without a word of what was said, also after a crash."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from services.common import tracing
from services.common.settings import SharedSettings
from tests.fakes.engine_services import TOKEN_SHOWN
from tests.fakes.live_client import live_client
from tests.fakes.media import tone, wav
from tests.fakes.otlp_collector import Collector, Seen
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_jobs_survive import kept
from tests.integration.gateway.test_live import ENDED, RESUMED, final, paused, say, started

OPEN_METRICS = {"accept": "application/openmetrics-text; version=1.0.0"}
CALLS = {"asr/Transcribe", "llm/StreamChat", "tts/StreamSynthesize", "render/StreamRender"}
STAGES = {"asr", "llm", "tts", "render"}
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    """The fake services are in this process: it sends its spans as well."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    found = Collector()
    tracing.start("fakes", SharedSettings(traces_url=found.grpc_url))
    yield found
    tracing.stop()
    found.stop()


@pytest.fixture
async def traced(tmp_path: Path, collector: Collector) -> AsyncIterator[World]:
    async with open_world(tmp_path, HUASHENG_TRACES_URL=collector.url) as world:
        yield world


async def whole(collector: Collector, name: str) -> list[Seen]:
    """The trace whose first span has this name, when that span and all that others call their parent are there."""

    def is_whole() -> bool:
        first = collector.named(name)
        if not first:
            return False
        spans = collector.trace(first[0].trace)
        return {s.parent for s in spans} - {""} <= {s.id for s in spans}

    await until(is_whole)
    return collector.trace(collector.named(name)[0].trace)


async def ask_aloud(world: World, **fields: str) -> str:
    asset = (await world.upload(wav(tone(1)), "secretfile.wav")).json()
    job = await world.post("dialogues", {"audio_asset_id": asset["id"], **fields})
    assert job.status_code == 202, job.text
    return job.json()["id"]


async def test_a_dialogue_is_one_connected_trace(traced: World, collector: Collector) -> None:
    job = await ask_aloud(traced)
    assert (await traced.done(job))["state"] == "succeeded"
    spans = await whole(collector, "job dialogue")
    (first,) = [s for s in spans if not s.parent]
    assert (first.name, first.about["turn_id"], first.about["state"]) == ("job dialogue", job, "succeeded")
    assert {s.name for s in spans} >= {"queued", "step listen", "step answer", "publish", *STAGES, *CALLS}
    by_id = {s.id: s for s in spans}
    for call in (s for s in spans if s.name in CALLS):
        assert call.service == "fakes" and call.about["turn_id"] == job
        assert by_id[call.parent].name == call.name.split("/")[0] and by_id[call.parent].service == "gateway"
    for stage, event in (("llm", "llm_first_token"), ("tts", "tts_first_audio"), ("render", "render_first_frame")):
        (span,) = [s for s in spans if s.name == stage]
        assert event in span.event_names and by_id[span.parent].name == "step answer"
    assert all(s.began_ns <= s.ended_ns for s in spans) and not [s.name for s in spans if s.has_failed]
    (request,) = collector.named("POST /api/v1/dialogues")
    assert request.links == [first.trace], "the request that asked for it leads to it"
    assert request.about["http.response.status_code"] == 202


async def test_no_word_of_a_conversation_is_in_a_trace(traced: World, collector: Collector) -> None:
    traced.fakes.llm.reply = "Xylophone. 我是画声，很高兴见到你。"
    traced.fakes.asr.text = "Quokka 你好，你是谁？"
    said = [await ask_aloud(traced, persona="Zanzibar")]
    said.append((await traced.post("dialogues", {"text": "Bandersnatch？"})).json()["id"])
    said.append((await traced.post("videos", {"text": "Jabberwock。"})).json()["id"])
    for job in said:
        assert (await traced.done(job))["state"] == "succeeded"
    async with live_client(traced.gateway.url) as client:
        await client.until("welcome")
        await client.send("text", text="Borogove")
        await client.until("timings")
    for name in ("job dialogue", "job video", "live turn"):
        await whole(collector, name)
    words = [w for s in collector.spans for w in s.words()]
    assert len(words) > 100
    secret = "xylophone|quokka|zanzibar|bandersnatch|jabberwock|borogove|secretfile"
    assert not [w for w in words if re.search(secret, w, re.IGNORECASE)]
    assert not [w for w in words if not w.isascii()]


async def test_a_job_that_another_process_takes_up_keeps_its_trace(traced: World, collector: Collector) -> None:
    traced.fakes.render.script.hold.clear()
    job = await ask_aloud(traced)
    await until(lambda: bool(kept(traced, job).get("reply_is_whole")))
    await until(lambda: collector.named("step listen"))
    await traced.gateway.kill()
    traced.fakes.render.script.hold.set()
    await traced.gateway.start()
    assert (await traced.done(job))["state"] == "succeeded"
    await until(lambda: collector.named("job dialogue"))
    (first,) = collector.named("job dialogue")
    spans = collector.trace(first.trace)
    assert "taken up again" in first.event_names
    (heard,), (answered,) = collector.named("step listen"), collector.named("step answer")
    assert heard.trace == answered.trace == first.trace and heard.parent == answered.parent == first.id
    assert len({s.process for s in spans if s.service == "gateway"}) == 2
    assert len({s.id for s in spans if s.name == "queued"}) == 1, "said twice, it is still one span"


async def test_waits_for_a_service_are_events_of_the_step(traced: World, collector: Collector) -> None:
    await traced.fakes.kill("tts")
    job = (await traced.post("dialogues", {"text": "你好"})).json()["id"]
    await traced.until(job, "running", stage="waiting-for-tts")
    await traced.fakes.start("tts")
    assert (await traced.done(job))["state"] == "succeeded"
    await until(lambda: collector.named("job dialogue"))
    (step,) = collector.named("step answer")
    waits = [about for name, about in step.events if name == "attempt failed"]
    assert waits and {(w["reason"], w["service"]) for w in waits} == {("service-down", "tts")}


async def test_a_job_that_fails_says_why_in_one_word(traced: World, collector: Collector) -> None:
    traced.fakes.asr.text = ""
    job = await ask_aloud(traced)
    assert (await traced.done(job))["state"] == "failed"
    spans = await whole(collector, "job dialogue")
    (first,) = [s for s in spans if not s.parent]
    assert first.has_failed and first.about["error.type"] == "no-speech" and first.about["state"] == "failed"


async def test_a_live_turn_with_its_barge_in(traced: World, collector: Collector) -> None:
    async with live_client(traced.gateway.url) as client:
        client.plays = False
        await client.until("welcome")
        await client.send("text", text="你是谁")
        turn = await client.until("turn")
        await client.until("end")
        await client.send("played", gen=turn["gen"], us=500_000)
        await client.send("interrupt", gen=turn["gen"], heard_us=500_000)
        await client.until("interrupted")
        await client.send("text", text="那好吧")
        other = await client.until("turn")
    await until(lambda: len(collector.named("live turn")) == 2 and collector.named("live session"))
    spans = {s.about["turn_id"]: s for s in collector.named("live turn")}
    assert set(spans) == {turn["turn"], other["turn"]} and len({s.trace for s in spans.values()}) == 2
    broken = spans[turn["turn"]]
    assert ("barge-in", {"reason": "hand", "heard_ms": 500}) in broken.events
    assert [e for e in broken.event_names if e != "barge-in"] == ["asked", "first clause", "first_heard"]
    assert broken.about["outcome"] == "broken-off"
    (session,) = collector.named("live session")
    assert broken.links == [session.trace] and broken.about["session_id"] == session.about["session_id"]
    calls = [s for s in collector.trace(broken.trace) if s.name in CALLS]
    assert {s.name for s in calls} == CALLS - {"asr/Transcribe"}
    assert {s.about["turn_id"] for s in calls} == {turn["turn"]}


async def test_a_spoken_live_turn_tells_when_its_question_was_taken_for_ended(
    traced: World, collector: Collector
) -> None:
    async with live_client(traced.gateway.url) as client:
        await client.until("state", lambda e: e["state"] == "listening")
        await say(traced, started(), paused("我想问"), RESUMED, paused("我想问你是谁"), ENDED, final("我想问你是谁"))
        turn = await client.until("turn")
        await client.until("timings")
    await until(lambda: len(collector.named("live turn")) == 2 and collector.named("live session"))
    (spoken,) = [s for s in collector.named("live turn") if s.about["turn_id"] == turn["turn"]]
    (dropped,) = [s for s in collector.named("live turn") if s is not spoken]
    assert dropped.about["outcome"] == "dropped" and dropped.event_names == ["begun in a pause"]
    assert {"begun in a pause", "asked", "endpoint", "first clause"} <= set(spoken.event_names)
    assert spoken.about["outcome"] == "heard"
    hearing = [s for s in collector.spans if s.name == "asr/StreamTranscribe"]
    assert {s.trace for s in hearing} <= {collector.named("live session")[0].trace}, "it outlasts the turns"


async def test_what_strangers_say_of_their_trace_is_a_link(traced: World, collector: Collector) -> None:
    """They cannot put spans into a trace of ours, nor have everything traced."""
    await traced.http.get("/api/v1/jobs", headers={"traceparent": CALLER})
    await traced.http.get("/api/v1/jobs/j_unknown")
    await traced.http.get("/healthz")
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{traced.gateway.grpc_port}")
    stub = gateway_pb2_grpc.GatewayServiceStub(channel)
    config = gateway_pb2.StreamTurnRequest(config=gateway_pb2.TurnConfig(text="你好"))
    end = gateway_pb2.StreamTurnRequest(end=common_pb2.EndOfInput())
    metadata = (("traceparent", CALLER), *TOKEN_SHOWN)
    assert [p async for p in stub.StreamTurn(iter((config, end)), timeout=30, metadata=metadata)]
    await channel.close()
    spans = await whole(collector, "gateway/StreamTurn")
    (first,) = [s for s in spans if not s.parent]
    assert first.about["turn_id"].startswith("t_") and {s.name for s in spans} >= STAGES - {"asr"}
    (request,) = collector.named("GET /api/v1/jobs")
    for span in (first, request):
        assert span.links == [CALLER.split("-")[1]] and span.trace not in span.links
    await until(lambda: collector.named("GET /api/v1/jobs/{job_id}"))
    assert not [s for s in collector.spans if "healthz" in s.name]


async def test_slow_observations_lead_to_their_traces(traced: World, collector: Collector) -> None:
    job = await ask_aloud(traced)
    assert (await traced.done(job))["state"] == "succeeded"
    answer = await traced.http.get("/metrics", headers=OPEN_METRICS)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.exemplar:
                found.setdefault(family.name, set()).add(sample.exemplar.labels["trace_id"])
    (trace,) = {s.trace for s in await whole(collector, "job dialogue")}
    assert found["huasheng_stage_seconds"] == found["huasheng_job_seconds"] == {trace}
    await until(lambda: found["huasheng_http_seconds"] <= {s.trace for s in collector.spans})
    plain = await traced.http.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain") and "trace_id" not in plain.text


@pytest.mark.parametrize("is_there", [False, True])
async def test_a_collector_that_is_away_or_hangs_holds_up_nothing(
    tmp_path: Path, collector: Collector, is_there: bool
) -> None:
    collector.answers.clear()
    url = collector.url if is_there else "http://127.0.0.1:9"
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    async with open_world(tmp_path, HUASHENG_TRACES_URL=url, **few) as world:
        jobs = [(await world.post("dialogues", {"text": "你好"})).json()["id"] for _ in range(3)]
        for job in jobs:
            assert (await world.done(job))["state"] == "succeeded"

        async def dropped() -> set[str]:
            lines = (await world.http.get("/metrics")).text.splitlines()
            counted = [line for line in lines if line.startswith("huasheng_trace_spans_dropped_total{")]
            return {line.split('"')[1] for line in counted if float(line.split()[-1]) > 0}

        async with asyncio.timeout(60):
            while await dropped() != {"queue", "collector"}:
                await world.http.get("/api/v1/jobs")
                await asyncio.sleep(0.05)
        assert collector.asked > 0 or not is_there
        assert world.gateway.log.count("the collector of traces does not take them") == 1
        assert await world.gateway.stop() == 0
        assert "Traceback" not in world.gateway.log


async def test_without_a_collector_nothing_is_traced(world: World) -> None:
    assert tracing.trace_id() == "" and tracing.exemplar() is None and tracing.carried() == []
    job = (await world.post("dialogues", {"text": "你好"})).json()["id"]
    assert (await world.done(job))["state"] == "succeeded"
    async with httpx.AsyncClient(base_url=world.gateway.url) as client:
        text = (await client.get("/metrics", headers=OPEN_METRICS)).text
    assert "huasheng_stage_seconds_bucket" in text and "trace_id" not in text
