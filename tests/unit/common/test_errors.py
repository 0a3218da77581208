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
