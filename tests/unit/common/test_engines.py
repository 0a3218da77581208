"""The engines of a service: when they load, why they cannot be used, how they are described."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from services.common.engine_info import engine_info
from services.common.engines import Engine, EngineSet, load_engine_settings, make_engine_set, settings_class, why
from services.common.errors import HuashengError
from services.common.settings import EngineSettings, SharedSettings
from services.llm.engines.registry import REGISTRY as LLM


class Good(Engine):
    name: ClassVar[str] = "good"
    description = "for tests"
    license: ClassVar[str] = "none"
    languages: ClassVar[tuple[str, ...]] = ("en",)
    loads: ClassVar[int] = 0
    closed: ClassVar[list[str]] = []
    failing: ClassVar[bool] = False

    def load(self) -> None:
        type(self).loads += 1
        if self.failing:
            raise HuashengError("engine-unavailable", engine=self.name, why="it broke")

    def close(self) -> None:
        self.closed.append(self.name)


class Bad(Good):
    name: ClassVar[str] = "bad"
    failing: ClassVar[bool] = True


REGISTRY = {
    "good": f"{__name__}:Good",
    "bad": f"{__name__}:Bad",
    "gone": f"{__name__}:NoSuchClass",
    "absent": "no.such.module:Engine",
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for cls in (Good, Bad):
        monkeypatch.setattr(cls, "loads", 0)
        monkeypatch.setattr(cls, "closed", [])


def engines(*names: str, **options: Any) -> EngineSet[Good]:
    return EngineSet("llm", names, REGISTRY, lambda cls: cls(None, SharedSettings(), None), **options)


def reason(work: Any, *args: Any) -> str:
    with pytest.raises(HuashengError) as e:
        work(*args)
    return e.value.slug


def test_with_retries_an_engine_is_loaded_when_asked_for_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    held = engines("good", "bad", retries=True)
    assert held.get() is held.get("good") and Good.loads == 1
    assert reason(held.get, "bad") == reason(held.get, "bad") == "engine-unavailable" and Bad.loads == 2
    monkeypatch.setattr(Bad, "failing", False)
    assert held.get("bad").name == "bad", "it is tried again"


def test_without_retries_an_engine_is_tried_once_at_start() -> None:
    held = engines("bad", "good", imports_all=False)
    assert reason(held.get) == "service-loading"
    held.load()
    assert Bad.loads == 1 and reason(held.get) == "engine-unavailable" and Bad.loads == 1
    assert held.get("good").name == "good"
    assert reason(held.get, "unheard") == "unknown-engine"


def test_a_module_that_cannot_be_imported_is_a_reason() -> None:
    held = engines("absent", "good", imports_all=False)
    held.load()
    (absent, *_) = held.states()
    assert absent.error and "no" in why(absent.error) and absent.about is None


def test_one_must_load_and_the_first_where_it_is_needed() -> None:
    assert reason(engines("bad").load) == "engine-unavailable"
    engines("bad", "good").load()
    assert reason(engines("bad", "good", needs_first=True).load) == "engine-unavailable"


def test_a_name_that_is_not_enabled_is_refused_with_what_to_do() -> None:
    held = engines("good", retries=True)
    with pytest.raises(HuashengError, match="add bad to LLM_ENGINES and start the llm service again"):
        held.require("bad")
    assert reason(held.require, "unheard") == "unknown-engine"


def test_states_and_the_message_made_of_them() -> None:
    held = engines("good", "bad", imports_all=False)
    held.load()
    infos = [engine_info(s) for s in held.states()]
    assert [(i.name, i.available, i.is_default, i.license) for i in infos] == [
        ("good", True, True, "none"),
        ("bad", False, False, "none"),
        ("gone", False, False, ""),
        ("absent", False, False, ""),
    ]
    assert infos[0].reason == "" and infos[1].reason == "it broke" and "not enabled" in infos[2].reason


def test_closing_ends_all_that_were_made() -> None:
    held = engines("good", "bad")
    held.load()
    held.close()
    assert sorted(Good.closed + Bad.closed) == ["bad", "good"]


def test_own_settings_are_those_of_the_environment_or_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_ZHIPU_MODEL", "glm-of-the-environment")
    assert load_engine_settings(LLM)["zhipu"].model == "glm-of-the-environment"
    settings = EngineSettings(engines="zhipu")
    own = {"zhipu": settings_class(LLM["zhipu"])(model="given")}  # type: ignore[misc]
    held = make_engine_set("llm", settings, SharedSettings(), LLM, own, retries=True)
    assert held.own["zhipu"].model == "given" and held.own["openai"].model == ""


def test_a_wrong_value_of_any_registered_engine_ends_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLM_OPENAI_URL", "no-address")
    with pytest.raises(SystemExit) as e:
        load_engine_settings(LLM)
    assert e.value.code == 2 and "bad setting LLM_OPENAI_URL" in capsys.readouterr().err
