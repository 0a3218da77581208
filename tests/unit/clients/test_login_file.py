"""Where the address and the key come from, and that a key never goes to another address than its own."""

from pathlib import Path

import pytest
from huasheng import _login
from huasheng._login import Login

HERE, THERE = "http://127.0.0.1:5001", "https://elsewhere.example"
NAMES = ("HUASHENG_URL", "HUASHENG_API_KEY", "HUASHENG_TOKEN", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "environment", "stored", "used"),
    [
        (None, {}, None, Login(HERE)),
        (None, {}, Login(THERE, "k"), Login(THERE, "k")),
        (THERE + "/", {}, Login(THERE, "k"), Login(THERE, "k")),
        (HERE, {}, Login(THERE, "k"), Login(HERE)),
        (None, {"HUASHENG_URL": HERE}, Login(THERE, "k"), Login(HERE)),
        (None, {"HUASHENG_URL": THERE}, Login(THERE, "k"), Login(THERE, "k")),
        (None, {"HUASHENG_API_KEY": "e"}, Login(THERE, "k"), Login(THERE, "e")),
        (HERE, {"HUASHENG_API_KEY": "e", "HUASHENG_URL": THERE}, None, Login(HERE, "e")),
        (None, {"HUASHENG_TOKEN": "t"}, Login(THERE, "k"), Login(THERE)),
    ],
)
def test_what_is_used(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, environment: dict[str, str], stored: Login | None, used: Login
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if stored:
        _login.save(stored)
    assert _login.choose(asked) == used


def test_the_file_is_its_owners_also_when_it_was_not(home: Path) -> None:
    path = home / "huasheng" / "login.json"
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o644)
    assert _login.save(Login(HERE, "k")) == path
    assert path.stat().st_mode & 0o777 == 0o600 and [p.name for p in path.parent.iterdir()] == ["login.json"]
    assert _login.load() == Login(HERE, "k")
    assert _login.forget() and not _login.forget()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "http://x"}', "\xff"])
def test_a_broken_file_is_told_without_what_is_in_it(home: Path, text: str) -> None:
    path = home / "huasheng" / "login.json"
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(_login.LoginFileError) as told:
        _login.load()
    assert str(path) in str(told.value)


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(Login(HERE, "secret"))


@pytest.mark.parametrize(
    ("environment", "language"),
    [({}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "zh_CN", "LC_ALL": "C"}, "en"), ({"LANG": "fr_FR"}, "en")],
)
def test_the_language_is_that_of_the_locale(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _login.language() == language
