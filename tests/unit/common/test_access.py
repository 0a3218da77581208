"""What is asked of a caller, and which settings of it are refused."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.common.access.callers import OPEN, ServiceAccess, access_of
from services.common.access.tls import Certificates
from services.common.access.tokens import Tokens, parse
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from tests.fakes.certificates import Authority, Files

FIRST, SECOND = "first-" + "a" * 32, "second-" + "b" * 32


def sent(token: str) -> list[tuple[str, str]]:
    return [("x-job-id", "j"), ("x-service-token", token)]


@pytest.mark.parametrize("text", ["", " \n", ",", "short", FIRST + ",short", "ü" * 40, FIRST[:-1] + "!", "a b"])
def test_what_is_no_token_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"empty|at least 32|may hold") as e:
        parse(text)
    assert not text.strip(" ,\n") or text.strip() not in str(e.value)


def test_one_or_two_tokens() -> None:
    assert parse(f"{FIRST}\n") == (FIRST,)
    assert parse(f" {FIRST},{SECOND} ") == parse(f"{FIRST}\r\n{SECOND}\n\n") == (FIRST, SECOND)
    with pytest.raises(ValueError, match="more than two"):
        parse(" ".join((FIRST, SECOND, FIRST + "c")))


def test_a_caller_needs_one_valid_token() -> None:
    tokens = Tokens(f"{FIRST},{SECOND}")
    assert tokens.header() == ("x-service-token", FIRST)
    assert tokens.accept(sent(FIRST)) and tokens.accept(sent(SECOND))
    for wrong in (
        None,
        [],
        sent(""),
        sent(FIRST[:-1]),
        sent(FIRST + "x"),
        sent(f"{FIRST},{SECOND}"),
        sent(FIRST.upper()),
        sent(f"Bearer {FIRST}"),
        [("authorization", f"Bearer {FIRST}")],
        [("x-service-tokens", FIRST)],
        [*sent(FIRST), *sent(FIRST)],
        [*sent("wrong"), *sent(FIRST)],
    ):
        assert not tokens.accept(wrong), wrong


def test_a_file_is_read_again_and_its_last_good_tokens_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "token"
    file.write_text(FIRST)
    tokens = Tokens(file=file)
    file.write_text(f"{SECOND}\n{FIRST}\n")
    assert tokens.header()[1] == SECOND and tokens.accept(sent(FIRST))
    file.write_text(SECOND)
    assert not tokens.accept(sent(FIRST))
    with caplog.at_level(logging.WARNING):
        for broken in ("", "short"):
            file.write_text(broken)
            assert tokens.accept(sent(SECOND)) and tokens.accept(sent(SECOND))
        file.unlink()
        assert tokens.accept(sent(SECOND))
    assert len(caplog.records) == 3, "each trouble once"
    file.write_text(FIRST)
    assert tokens.accept(sent(FIRST)) and not tokens.accept(sent(SECOND))
    assert SECOND not in caplog.text and "short" not in caplog.text
    assert FIRST not in repr(tokens) + repr(ServiceAccess(tokens))


def test_a_refusal_names_the_service_and_no_token() -> None:
    with pytest.raises(HuashengError) as e:
        ServiceAccess(Tokens(FIRST)).check("tts", sent(SECOND))
    assert (e.value.slug, e.value.code.name, e.value.params) == ("service-token", "UNAUTHENTICATED", {"service": "tts"})
    ServiceAccess(Tokens(FIRST)).check("tts", sent(FIRST))
    OPEN.check("tts", None)
    assert OPEN.metadata() == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]", "10.0.0.1", "tts", "example.org", ""])
def test_beyond_loopback_something_is_asked_of_callers(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        OPEN.require("tts", host)
    assert e.value.code == 2
    said = capsys.readouterr().err
    assert "tts: listening on" in said and "HUASHENG_SERVICE_TOKEN_FILE" in said and "HUASHENG_OPEN_PORTS" in said
    ServiceAccess(Tokens(FIRST)).require("tts", host)
    ServiceAccess(open_ports=True).require("tts", host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "[::1]", "localhost"])
def test_on_loopback_nothing_need_be_asked(host: str) -> None:
    OPEN.require("tts", host)


def refusal(capsys: pytest.CaptureFixture[str], **settings: object) -> str:
    with pytest.raises(SystemExit) as e:
        access_of(SharedSettings(**settings))
    assert e.value.code == 2
    return capsys.readouterr().err


def test_wrong_tokens_are_refused_at_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "token"
    assert "HUASHENG_SERVICE_TOKEN: it is empty" in refusal(capsys, service_token=SecretStr(""))
    said = refusal(capsys, service_token=SecretStr("short-secret"))
    assert "at least 32" in said and "short-secret" not in said
    said = refusal(capsys, service_token_file=file)
    assert "HUASHENG_SERVICE_TOKEN_FILE" in said and "No such file" in said
    assert "Is a directory" in refusal(capsys, service_token_file=tmp_path)
    file.write_bytes(b"\xff" * 40)
    assert "not plain text" in refusal(capsys, service_token_file=file)
    file.write_text(FIRST)
    assert "set one of them" in refusal(capsys, service_token_file=file, service_token=SecretStr(SECOND))
    assert access_of(SharedSettings(service_token_file=file)).metadata() == [("x-service-token", FIRST)]


def test_programs_that_a_service_starts_do_not_get_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUASHENG_SERVICE_TOKEN", FIRST)
    assert access_of(SharedSettings()).metadata() == [("x-service-token", FIRST)]
    seen = subprocess.run([sys.executable, "-c", "import os; print(os.environ)"], capture_output=True, text=True)
    assert "PATH" in seen.stdout and FIRST not in seen.stdout


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "one")


def settings_of(files: Files) -> dict[str, object]:
    return {f"tls_{k}": v for k, v in vars(files).items()}


def test_wrong_certificates_are_refused_at_start(
    tmp_path: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    files, other = authority.sign(tmp_path / "a"), authority.sign(tmp_path / "b")
    good = settings_of(files)
    for missing in good:
        said = refusal(capsys, **{k: v for k, v in good.items() if k != missing})
        assert f"HUASHENG_{missing.upper()}: it must be set too" in said
    for name in good:
        assert "No such file" in refusal(capsys, **{**good, name: tmp_path / "none"})
    assert "no certificate and its key" in refusal(capsys, **{**good, "tls_key": other.key})
    (tmp_path / "junk").write_text("junk")
    assert "no certificate and its key" in refusal(capsys, **{**good, "tls_cert": tmp_path / "junk"})
    assert "holds no certificate" in refusal(capsys, **{**good, "tls_ca": tmp_path / "junk"})
    assert access_of(SharedSettings(**good)).certificates


def test_renewed_certificates_are_used_when_they_fit(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    files = authority.sign(tmp_path / "a")
    certificates = Certificates(files.cert, files.key, files.ca)
    before = certificates.current()
    renewed = authority.sign(tmp_path / "b")
    with caplog.at_level(logging.WARNING):
        files.key.write_bytes(renewed.key.read_bytes())
        assert certificates.current() == certificates.current() == before, "only one of the two is new yet"
        files.ca.unlink()
        assert certificates.current() == before
    assert len(caplog.records) == 2 and "PRIVATE" not in caplog.text
    files.ca.write_bytes(renewed.ca.read_bytes())
    files.cert.write_bytes(renewed.cert.read_bytes())
    now = certificates.current()
    assert now != before and now.cert == renewed.cert.read_bytes()
