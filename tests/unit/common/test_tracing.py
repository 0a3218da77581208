"""Where traces go, what they may hold, and that they cost nothing to those who did not ask for them."""

import json
import logging
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Histogram, start_http_server

from services.common import logs, tracing
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load
from services.common.tracing.settings import Collector as Target
from services.common.tracing.settings import collector as target_of
from tests.fakes.otlp_collector import Collector
from tests.fakes.waiting import wait_until


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    found = Collector()
    yield found
    tracing.stop()
    found.stop()


def begin(url: str, **settings: float) -> None:
    tracing.start("asr", SharedSettings(traces_url=url, **settings))


@pytest.mark.parametrize(
    "url", ["collector:4318", "ftp://collector", "http://", "grpc://:4317", "http://collector:port", "http://c:0"]
)
def test_an_address_that_is_none_ends_the_program_and_is_named(monkeypatch, capsys, url: str) -> None:
    monkeypatch.setenv("HUASHENG_TRACES_URL", url)
    with pytest.raises(SystemExit) as e:
        load(SharedSettings)
    assert e.value.code == 2 and "HUASHENG_TRACES_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")],
)
def test_wrong_standard_variables_are_refused_as_well(monkeypatch, capsys, variable: str, value: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as e:
        target_of(SharedSettings())
    assert e.value.code == 2 and variable in capsys.readouterr().err


def test_a_queue_without_a_size_is_refused(monkeypatch, capsys) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "many")
    with pytest.raises(SystemExit):
        begin("http://127.0.0.1:9")
    assert "OTEL_BSP_MAX_QUEUE_SIZE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"HUASHENG_TRACES_URL": "http://c:4318"}, Target("http://c:4318/v1/traces", False)),
        ({"HUASHENG_TRACES_URL": "https://c/api/otlp"}, Target("https://c/api/otlp", False)),
        ({"HUASHENG_TRACES_URL": "grpc://c:4317"}, Target("http://c:4317", True)),
        ({"HUASHENG_TRACES_URL": "grpcs://c:4317"}, Target("https://c:4317", True)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/x/"}, Target("http://c:4318/x/v1/traces", False)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/x"}, Target("http://c:4318/x", False)),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            Target("http://c:4317", True),
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "HUASHENG_TRACES_URL": "grpc://d:1"}, Target("http://d:1", True)),
        ({"HUASHENG_TRACES_URL": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, None),
        ({"HUASHENG_TRACES_URL": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
    ],
)
def test_who_gets_the_traces(monkeypatch, environment: dict[str, str], expected: Target | None) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert target_of(SharedSettings()) == expected


def test_a_password_in_the_address_is_not_for_the_log() -> None:
    assert Target("http://user:secret@c:4318/v1/traces", False).place == "c:4318"


@pytest.mark.parametrize("form", ["url", "grpc_url"])
def test_spans_arrive_by_both_protocols(collector: Collector, form: str) -> None:
    begin(getattr(collector, form))
    with tracing.span("outer", count=3), tracing.span("inner"):
        tracing.event("seen", engine="kokoro")
    wait_until(lambda: len(collector.spans) == 2)
    (outer,), (inner,) = collector.named("outer"), collector.named("inner")
    assert inner.parent == outer.id and outer.parent == "" and outer.service == "asr"
    assert outer.about == {"count": 3} and inner.events == [("seen", {"engine": "kokoro"})]


def test_text_is_left_out_and_of_errors_the_reason_is_kept(collector: Collector) -> None:
    begin(collector.url)
    with pytest.raises(HuashengError), tracing.span("refused", spoken="two words", voice="名字", id="j_01"):
        raise HuashengError("unknown-id", kind="avatar", id="a secret")
    with pytest.raises(ValueError, match="secret"), tracing.span("broken"):
        raise ValueError("secret")
    wait_until(lambda: len(collector.spans) == 2)
    (refused,), (broken,) = collector.named("refused"), collector.named("broken")
    assert refused.about == {"id": "j_01", "error.type": "unknown-id"} and refused.has_failed
    assert broken.about == {"error.type": "internal"} and broken.events == []


def test_ids_follow_from_a_job_in_every_process(collector: Collector) -> None:
    begin(collector.url)
    for _ in range(2):
        with tracing.root("job", "j_01", since=1.0).active() as span, tracing.span("step"):
            pass
        span.end()
    wait_until(lambda: len(collector.spans) == 4)
    jobs, steps = collector.named("job"), collector.named("step")
    assert jobs[0].trace == jobs[1].trace and jobs[0].id == jobs[1].id and jobs[0].began_ns == 10**9
    assert len({s.id for s in steps}) == 2 and {s.parent for s in steps} == {jobs[0].id}


def test_a_share_of_the_turns(collector: Collector) -> None:
    """The trace's id decides: all processes decide alike."""
    begin(collector.url, traces_ratio=0.5)
    for turn in range(200):
        tracing.root("turn", f"t_{turn}").end()
    tracing.stop()
    assert 60 < len(collector.spans) < 140
    assert len({s.trace for s in collector.spans}) == len(collector.spans)


def test_none_of_the_turns(collector: Collector) -> None:
    begin(collector.url, traces_ratio=0)
    with tracing.span("turn"):
        assert tracing.exemplar() is None and len(tracing.trace_id()) == 32
    tracing.stop()
    assert collector.asked == 0


def test_log_lines_name_the_trace(collector: Collector) -> None:
    begin(collector.url)
    record = logging.makeLogRecord({"msg": "a"})
    with tracing.span("turn"):
        assert json.loads(logs.JsonFormatter("asr").format(record))["trace_id"] == tracing.trace_id()
    assert "trace_id" not in json.loads(logs.JsonFormatter("asr").format(record))


def test_the_port_of_a_services_metrics_shows_exemplars(collector: Collector) -> None:
    begin(collector.url)
    registry = CollectorRegistry()
    with tracing.span("turn"):
        Histogram("huasheng_x_seconds", "x", registry=registry).observe(1, tracing.exemplar())
        expected = f'# {{trace_id="{tracing.trace_id()}"}} 1.0'
    server, thread = start_http_server(0, "127.0.0.1", registry)
    asked = urllib.request.Request(
        f"http://127.0.0.1:{server.server_port}/metrics", headers={"accept": "application/openmetrics-text"}
    )
    with urllib.request.urlopen(asked) as answer:
        assert expected in answer.read().decode()
    server.shutdown()
    server.server_close()
    thread.join()


def test_many_threads_fill_the_queue_and_none_waits(collector: Collector, monkeypatch) -> None:
    """What the collector took, what was given up, and what was begun are the same number."""
    from services.common.tracing.export import DROPPED, SENT

    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    sent, dropped = SENT._value.get(), DROPPED.labels("queue")._value.get()
    collector.answers.clear()
    begin(collector.url)

    def work() -> None:
        for _ in range(50):
            with tracing.span("x"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    collector.answers.set()
    wait_until(lambda: SENT._value.get() - sent + DROPPED.labels("queue")._value.get() - dropped == 200)
    assert len(collector.spans) == SENT._value.get() - sent
    assert 0 < len(collector.spans) <= 20


def test_without_a_collector_the_libraries_are_not_loaded() -> None:
    code = (
        "import sys; from services.common import serving, tracing; from services.common.settings import SharedSettings;"
        "tracing.start('asr', SharedSettings());"
        "print([m for m in sys.modules if m.startswith('opentelemetry')], tracing.span('x') is tracing.NOTHING)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "[] True\n", done.stderr


def test_a_service_joins_traces_and_begins_none(collector: Collector) -> None:
    """What the gateway asks by itself every second, such as how much they can take, would be traces without end."""
    begin(collector.url)
    with tracing.span("turn"):
        carried = dict(tracing.carried())
    for metadata in ({}, {"traceparent": "nonsense"}, carried):
        with tracing.entered("asr/Transcribe", metadata, is_trusted=True) as span:
            span.set(engine="whisper")
    with tracing.entered("POST", {}, is_trusted=False):
        pass
    wait_until(lambda: len(collector.spans) == 3)
    tracing.stop()
    (turn,), (call,) = collector.named("turn"), collector.named("asr/Transcribe")
    assert (call.trace, call.parent) == (turn.trace, turn.id) and call.about == {"engine": "whisper"}
    assert len(collector.spans) == 3 and collector.named("POST")
