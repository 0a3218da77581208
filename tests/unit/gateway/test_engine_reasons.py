"""Why an engine cannot be used, in the language of the reader, from what its service reports."""

from __future__ import annotations

import pytest
from huasheng.common.v1 import common_pb2

from services.common.engine_info import engine_info
from services.common.engines import Engine, EngineSet, make_engine_set
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.gateway.api.system import _engine
from services.llm.engines.registry import REGISTRY
from services.llm.settings import LlmSettings


def reported() -> dict[str, common_pb2.EngineInfo]:
    """What a real service reports of engines without keys and addresses."""
    settings = LlmSettings(engines="zhipu,openai")
    held: EngineSet[Engine] = make_engine_set("llm", settings, SharedSettings(), REGISTRY, {}, retries=True)
    return {s.name: engine_info(s) for s in held.states()}


@pytest.mark.parametrize("name", ["zhipu", "openai", "faq"])
def test_reasons_are_chinese_for_chinese_readers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_ZHIPU_API_KEY", raising=False)
    info = reported()[name]
    assert not info.available
    zh, en = _engine("llm", info, "zh").reason, _engine("llm", info, "en").reason
    assert "请" in zh and "请" not in en
    assert not any(word in zh for word in ("the ", "needs", "is not", "start")), zh


def test_a_service_that_names_no_error_is_quoted() -> None:
    info = common_pb2.EngineInfo(name="old", reason="it is broken")
    assert _engine("asr", info, "zh").reason == "it is broken"
    info.problem.reason = "of-a-newer-service"
    assert _engine("asr", info, "zh").reason == "it is broken"


def test_training_and_breaker_speak_the_language_too() -> None:
    info = common_pb2.EngineInfo(name="atlas", available=True, cannot_train_reason="torch is not installed")
    refused = HuashengError("training-unavailable", cause="torch-missing", engine="atlas")
    info.cannot_train_problem.reason = refused.slug
    info.cannot_train_problem.params.update(refused.params)
    slow = HuashengError("engine-slow", engine="atlas", seconds=3)
    info.breaker_problem.reason = slow.slug
    info.breaker_problem.params.update(slow.params)
    found = _engine("render", info, "zh")
    assert found.cannot_train_reason.startswith("未安装 torch") and found.cannot_train_cause == "torch-missing"
    assert found.breaker_reason == "atlas 在 3 秒内没有开始响应。 请稍后重试，或选择其他引擎。"
