import re

import grpc
import pytest

from services.common import errors
from services.common.errors import HuashengError


@pytest.mark.parametrize("slug", sorted(errors.catalogue()))
def test_every_reason_speaks_both_languages_and_says_what_to_do(slug: str) -> None:
    reason = errors.catalogue()[slug]
    for part in (reason.title, reason.detail, reason.hint):
        assert part["en"] and part["zh"]
    names = [set(re.findall(r"{(\w+)}", reason.detail[lang])) for lang in ("en", "zh")]
    assert names[0] == names[1], "both languages must use the same parameters"
    zh = "".join((reason.title["zh"], reason.hint["zh"]))
    assert re.search(r"[一-鿿]", zh)
    assert 400 <= reason.http < 600


def test_texts_are_filled_and_missing_parameters_do_not_raise() -> None:
    assert "x.mp4" in HuashengError("no-face", name="x.mp4").text("detail", "zh")
    assert "?" in HuashengError("no-face").text("detail", "en")


def test_an_unknown_reason_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        HuashengError("no-such-reason")


def test_problem_follows_rfc_9457() -> None:
    problem = errors.problem(HuashengError("too-large", limit_mb=500), "zh", "r-1")
    assert problem["type"] == "urn:huasheng:problem:too-large"
    assert problem["status"] == 413
    assert "500" in str(problem["detail"])
    assert problem["request_id"] == "r-1"


def test_status_carries_code_and_details() -> None:
    status = errors.to_status(HuashengError("busy", service="tts", limit=3))
    assert status.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert any(key == "grpc-status-details-bin" for key, _ in status.trailing_metadata)


@pytest.mark.parametrize("name", sorted(errors.causes()))
def test_every_cause_speaks_both_languages_with_the_same_parameters(name: str) -> None:
    en, zh = errors.causes()[name]["en"], errors.causes()[name]["zh"]
    assert set(re.findall(r"{(\w+)}", en)) == set(re.findall(r"{(\w+)}", zh))
    assert re.search(r"[一-鿿]", zh) and en[-1] not in ".。" and zh[-1] not in ".。"
    assert name not in errors.catalogue(), "a cause is looked up before the reasons"


def test_a_cause_is_told_in_the_readers_language_and_ends_its_sentence_once() -> None:
    error = HuashengError("engine-unavailable", engine="google", cause="program-missing", program="flac")
    assert error.text("detail", "zh") == "google 在此不可用：未安装程序 flac；请运行：apt install flac。"
    assert error.text("detail", "en").endswith("run: apt install flac.")
    sent = HuashengError("engine-unavailable", **error.because())
    assert sent.text("detail", "zh") == error.text("detail", "zh")
    plain = HuashengError("engine-failed", engine="x", why="It broke.")
    assert plain.text("detail", "en") == "x failed: It broke."


def test_an_error_can_be_the_cause_of_another() -> None:
    inner = HuashengError("llm-no-key", engine="zhipu", variable="LLM_ZHIPU_API_KEY")
    outer = HuashengError("engine-unavailable", **(inner.because() | {"engine": "zhipu"}))
    assert outer.text("detail", "zh") == (
        "zhipu 在此不可用：zhipu 需要 API 密钥。 请设置 LLM_ZHIPU_API_KEY 并重启 llm 服务。"
    )
    assert "needs an API key" in outer.params["why"]
    unknown = HuashengError("engine-unavailable", engine="x", cause="of-a-newer-service", why="it is new")
    assert unknown.text("detail", "zh") == "x 在此不可用：it is new。"
