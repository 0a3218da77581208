"""Why an engine cannot be used, in the language of the reader, from what its service reports."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from huasheng.common.v1 import common_pb2

from services.common.engine_info import engine_info, error_message
from services.common.engines import Engine, EngineSet, make_engine_set
from services.common.errors import HuashengError, catalogue, causes
from services.common.settings import SharedSettings
from services.gateway.api.system import _engine
from services.llm.engines.registry import REGISTRY
from services.llm.settings import LlmSettings
from tests.fakes.gpt_sovits_checkout import engine
from tests.fakes.ports import free_port

SERVICES = Path(__file__).resolve().parents[3] / "services"


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


def test_every_cause_says_the_same_in_both_languages() -> None:
    for name, texts in causes().items():
        fields = [sorted({f for _, f, _, _ in Formatter().parse(texts[lang]) if f}) for lang in ("en", "zh")]
        assert fields[0] == fields[1], name
        assert re.search("[\u4e00-\u9fff]", texts["zh"]) and not re.search("[\u4e00-\u9fff]", texts["en"]), name


def test_no_engine_says_why_it_cannot_be_used_in_english_only() -> None:
    """Reasons have a cause, which has both languages; ``why`` alone is text of one language."""
    for file in SERVICES.rglob("*.py"):
        if file.is_relative_to(SERVICES / "gateway"):
            continue
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant):
                is_reason = call.args[0].value in ("engine-unavailable", "training-unavailable")
                named = {k.arg for k in call.keywords}
                assert not (is_reason and "why" in named), f"{file}:{call.lineno}"
                cause = next((k.value for k in call.keywords if k.arg == "cause"), None)
                if isinstance(cause, ast.Constant):
                    assert cause.value in {*causes(), *catalogue()}, f"{file}:{call.lineno}"


def test_a_process_of_gpt_sovits_that_is_away_is_explained_in_both_languages(tmp_path: Path) -> None:
    made = engine(tmp_path, f"http://127.0.0.1:{free_port()}")
    made.load()
    try:
        error = made.problem()
        assert error
        info = common_pb2.EngineInfo(name="gpt_sovits", reason="x", problem=error_message(error))
        assert "nobody answers at its address" in _engine("tts", info, "en").reason
        zh = _engine("tts", info, "zh").reason
        assert "它的地址没有响应" in zh and "nobody" not in zh
    finally:
        made.close()


@pytest.mark.parametrize(
    ("given", "en", "zh"),
    [
        ({"checkout": "."}, "there is no api_v2.py in", "中没有 api_v2.py"),
        ({"media_type": "raw"}, "raw needs", "采样率"),
    ],
)
def test_wrong_settings_of_gpt_sovits_are_explained_in_both_languages(
    given: dict[str, str], en: str, zh: str, tmp_path: Path
) -> None:
    with pytest.raises(HuashengError) as e:
        engine(tmp_path, "http://127.0.0.1:1", **given)
    assert en in e.value.why("en") and zh in e.value.why("zh")


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
