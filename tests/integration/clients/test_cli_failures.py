"""What ``huasheng`` says when something goes wrong, in whose language, and the code it leaves with."""

import re
from pathlib import Path

import pytest
from huasheng.cli import exits
from huasheng.errors import AnswerError, ConnectionFailedError, DeadlineError, of_problem
from huasheng.models import Problem

from services.common.errors import HuashengError
from tests.fakes import media
from tests.fakes.command import Command
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHINESE = re.compile("[\u4e00-\u9fff]")


async def test_the_server_speaks_the_users_language(huasheng: Command) -> None:
    chinese = await huasheng("say", "", "-o", "a.wav", "--lang", "zh", code=3)
    english = await huasheng("say", "", "-o", "a.wav", "--lang", "en", code=3)
    assert CHINESE.search(chinese.err) and not CHINESE.search(english.err)
    assert "empty-text" in chinese.err and "empty-text" in english.err
    for locale, is_chinese in (("zh_CN.UTF-8", True), ("de_DE.UTF-8", False)):
        there = Command(huasheng.home, **{**huasheng.environment, "LANG": locale})
        assert bool(CHINESE.search((await there("say", "", "-o", "a.wav", code=3)).err)) == is_chinese
    told = (await huasheng("say", "", "-o", "a.wav", "--lang", "zh", "--json", code=3)).problem
    assert told["reason"] == "empty-text" and CHINESE.search(told["detail"]) and told["request_id"]


async def test_refused_and_not_found(huasheng: Command) -> None:
    (huasheng.home / "x.mp4").write_bytes(b"no film")
    assert "unsupported-media" in (await huasheng("avatars", "add", "x.mp4", code=3)).err
    assert "unknown-voice" in (await huasheng("say", "x", "--voice", "nobody", "-o", "a.wav", code=4)).err
    for words in (("jobs", "get", "j_none"), ("jobs", "cancel", "j_none"), ("voices", "delete", "nobody")):
        assert (await huasheng(*words, "--json", code=4)).problem["status"] == 404
    assert not (huasheng.home / "a.wav").exists()


async def test_a_job_that_failed_has_the_code_of_its_reason(world: World, huasheng: Command) -> None:
    silent = media.wav(media.silence(2))
    done = await huasheng("ask", "--recording", "-", "--json", stdin=silent, code=3)
    assert done.problem["reason"] in ("silent-audio", "no-speech")
    world.fakes.tts.script.error = HuashengError("unspeakable-text")
    done = await huasheng("video", "大家好。", "-o", "v.mp4", "--lang", "zh", code=3)
    assert "unspeakable-text" in done.err and CHINESE.search(done.err)


async def test_a_service_that_is_down(world: World, huasheng: Command) -> None:
    await world.fakes.kill("tts")
    try:
        assert (await huasheng("say", "你好。", "-o", "a.wav", "--json", code=7)).problem["status"] == 503
    finally:
        await world.fakes.start("tts")


async def test_a_gateway_that_is_away(tmp_path: Path) -> None:
    away = Command(tmp_path, HUASHENG_URL="http://127.0.0.1:9")
    done = await away("avatars", "--quiet", code=7)
    assert done.err.count("\n") == 1 and "Does the gateway run" in done.err
    assert (await away("talk", "--json", stdin=b"hello\n", code=7)).problem["title"].startswith("live:")


def _problem(status: int, reason: str = "x") -> BaseException:
    told = {"type": "", "title": "", "detail": "", "hint": "", "params": {}, "retryable": False, "request_id": ""}
    return of_problem(Problem.model_validate({**told, "status": status, "reason": reason}))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (_problem(422), exits.REFUSED),
        (_problem(409), exits.REFUSED),
        (_problem(404), exits.NOT_FOUND),
        (_problem(401), exits.NOT_ALLOWED),
        (_problem(403), exits.NOT_ALLOWED),
        (_problem(429), exits.QUOTA),
        (_problem(503), exits.DOWN),
        (_problem(502, ""), exits.DOWN),
        (_problem(502), exits.FAILED),
        (_problem(500), exits.FAILED),
        (ConnectionFailedError("x"), exits.DOWN),
        (DeadlineError("x"), exits.TIMEOUT),
        (AnswerError("x"), exits.FAILED),
        (KeyboardInterrupt(), exits.CANCELLED),
        (OSError("x"), exits.FAILED),
    ],
    ids=repr,
)
async def test_each_failure_has_a_code(error: BaseException, code: int) -> None:
    assert exits.code_of(error) == code


async def test_the_codes_in_the_help_are_those_that_are_used(tmp_path: Path) -> None:
    told = {int(n) for n in re.findall(r"^\s+(\d+)  ", (await Command(tmp_path)("--help")).text, re.M)}
    names = {v for k, v in vars(exits).items() if k.isupper() and isinstance(v, int)}
    assert told == names


async def test_shells_complete_the_command(tmp_path: Path) -> None:
    shell = Command(tmp_path, _HUASHENG_COMPLETE="complete_bash", COMP_WORDS="huasheng vo", COMP_CWORD="1")
    assert (await shell()).text.split() == ["voices"]
    script = (await Command(tmp_path, _HUASHENG_COMPLETE="source_zsh")()).text
    assert "#compdef huasheng" in script and "_HUASHENG_COMPLETE=complete_zsh" in script
