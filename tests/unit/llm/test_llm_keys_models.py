"""Keys that change while the service runs and are never shown, models that may be asked for, tokens counted."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr, ValidationError

from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation
from services.llm.engines.openai.settings import Settings as OpenAiSettings
from services.llm.engines.zhipu.engine import ZhipuEngine
from services.llm.engines.zhipu.settings import Settings as ZhipuSettings
from services.llm.settings import LlmSettings
from tests.fakes.llm_asking import KEY, QUESTION, ask, make, slug_of
from tests.fakes.llm_http import DONE, chunk, good, refuse, serving
from tests.fakes.waiting import PATIENCE_S

both = pytest.mark.parametrize("name", ["zhipu", "openai"])


@both
def test_a_key_changed_in_its_file_is_used_from_the_next_request_on(name: str, tmp_path: Path) -> None:
    # as Kubernetes mounts a secret: a link to a folder that is replaced
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(f"id.{version}\n")
    link = tmp_path / "now"
    link.symlink_to("one")
    with serving(good) as server:
        engine = make(name, server.url, **{f"{name}_api_key_file": link / "key"})
        ask(engine)
        fresh = tmp_path / "fresh"
        fresh.symlink_to("two")
        fresh.rename(link)
        ask(engine)
        assert [call.key for call in server.calls] == ["Bearer id.one", "Bearer id.two"]


def test_the_file_is_wanted_even_beside_a_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    setup = ZhipuSettings(api_key=SecretStr(KEY), api_key_file=file), SharedSettings(), LlmSettings()
    for content in (None, "  \n"):
        if content is not None:
            file.write_text(content)
        error = ZhipuEngine.unavailable(*setup)
        assert error and error.slug == "llm-no-key" and error.params["variable"] == "LLM_ZHIPU_API_KEY_FILE"
    file.write_text("id.secret\n")
    assert ZhipuEngine.unavailable(*setup) is None


def test_a_server_that_needs_no_key_may_have_an_empty_file(tmp_path: Path) -> None:
    with serving(good, refuse(401, {"error": "Unauthorized"})) as server:
        engine = make("openai", server.url, openai_api_key_file=tmp_path / "none")
        ask(engine)
        assert server.calls[0].key == ""
        with pytest.raises(HuashengError, match="llm-no-key") as e:
            ask(engine)
        assert e.value.params["variable"] == "LLM_OPENAI_API_KEY_FILE"


def test_a_key_that_vanished(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("id.secret")
    with serving(good) as server:
        engine = make("zhipu", server.url, zhipu_api_key_file=file)
        file.unlink()
        assert slug_of(engine) == "llm-no-key"
        assert not server.calls


@both
@pytest.mark.parametrize("key", ["钥匙", "two\nlines", "a\x00b"])
def test_a_key_that_cannot_be_sent(name: str, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(key)
    with serving(good) as server:
        assert slug_of(make(name, server.url, **{f"{name}_api_key_file": file})) == "llm-wrong-key"
        assert not server.calls


@both
def test_keys_questions_and_answers_are_not_logged(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for noisy in ("httpx", "httpcore"):  # as services.common.logs has it
        caplog.set_level(logging.WARNING, noisy)
    told = {"error": {"code": "invalid_api_key", "message": f"Incorrect API key provided: {KEY}"}}
    with serving(good, refuse(500, {"error": told}), refuse(401, told)) as server:
        engine = make(name, server.url)
        ask(engine)
        assert slug_of(engine) == "llm-wrong-key"
    shown = caplog.text + str([vars(r) for r in caplog.records])
    for secret in (KEY, "very-secret", "你好", "world."):
        assert secret not in shown


@both
def test_only_models_of_the_list_are_asked_for(name: str) -> None:
    default = {"zhipu": "glm-4-plus", "openai": "served-model"}[name]
    with serving(good) as server:
        engine = make(name, server.url, **{f"{name}_models": "glm-4-air, glm-4-flash"})
        assert type(engine).models(engine.settings) == (default, "glm-4-air", "glm-4-flash")
        ask(engine, model="glm-4-flash")
        assert slug_of(engine, model="glm-4-0520") == "llm-model-not-listed"
        assert slug_of(make(name, server.url), model="glm-4-flash") == "llm-model-not-listed"
        assert [call.body["model"] for call in server.calls] == ["glm-4-flash"]


def counted(engine: str, model: str) -> tuple[float, float, float]:
    def value(metric: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(metric, {"engine": engine, "model": model, **labels}) or 0.0

    tokens = (value("huasheng_llm_tokens_total", kind=kind) for kind in ("prompt", "completion"))
    return *tokens, value("huasheng_llm_uncounted_total")  # type: ignore[return-value]


@both
def test_tokens_are_counted_by_engine_and_model(name: str) -> None:
    silent = [chunk("Yes."), chunk(finish="stop"), DONE]
    with serving(good, good, lambda call: call.events(silent)) as server:
        engine = make(name, server.url, **{f"{name}_models": "counted-model"})
        before = counted(name, "counted-model")
        for _ in range(3):
            ask(engine, model="counted-model")
    assert [b - a for a, b in zip(before, counted(name, "counted-model"), strict=True)] == [22, 10, 1]


@both
def test_an_answer_that_was_broken_off_is_uncounted(name: str) -> None:
    with serving(lambda call: call.events([chunk("One, ")] * 100, pause_s=0.02)) as server:
        engine = make(name, server.url, **{f"{name}_models": "cut-model"})
        pieces = engine.chat(Conversation(QUESTION, "cut-model", "", 9, 0.5), threading.Event())
        assert next(pieces) == "One, "
        pieces.close()  # type: ignore[attr-defined]  # a generator
        assert server.calls[0].hung_up.wait(PATIENCE_S)
    assert counted(name, "cut-model") == (0, 0, 1)


@pytest.mark.parametrize("url", ["http://", "ftp://x", "http://[x", "http://x:99999/v1", "localhost:11434/v1"])
def test_addresses_that_are_none_are_refused_at_start(url: str) -> None:
    for cls in (OpenAiSettings, ZhipuSettings):
        with pytest.raises(ValidationError):
            cls(url=url)


@pytest.mark.parametrize("extra", ['{"model": "x"}', '{"messages": []}', "[1]", "{"])
def test_members_that_are_not_the_operators_to_set(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_OPENAI_EXTRA", extra)
    with pytest.raises((ValidationError, ValueError)):
        OpenAiSettings()
