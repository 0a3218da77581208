"""The page's files hold together: words, icons, imports, the security policy, sizes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "services/gateway/web"
SCRIPTS = sorted(WEB.rglob("*.js"))
CODE = [p for p in SCRIPTS if "i18n/" not in p.as_posix()]
INDEX = (WEB / "index.html").read_text(encoding="utf-8")
STRING = r'"(?:[^"\\]|\\.)*"'
ENTRY = re.compile(rf"^  ({STRING}|\w+):\s+({STRING}(?: \+\n +{STRING})*),$", re.MULTILINE)


def words(lang: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((WEB / "js/i18n" / lang).glob("*.js")):
        for quoted, text in ENTRY.findall(path.read_text(encoding="utf-8")):
            key = quoted.strip('"')
            assert key not in found, f"{key} twice"
            found[key] = "".join(json.loads(part) for part in re.findall(STRING, text))
    return found


def test_both_dictionaries_have_the_same_keys_and_parameters() -> None:
    zh, en = words("zh"), words("en")
    assert zh.keys() == en.keys() and len(zh) > 590
    params = re.compile(r"\{\w+\}")
    assert [k for k in zh if set(params.findall(zh[k])) != set(params.findall(en[k]))] == []


def test_every_word_asked_for_is_there() -> None:
    known = words("zh")
    missing = []
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        missing += [k for k in re.findall(r'\bt\("([^"]+)"', text) if k not in known]
        for start in re.findall(
            r"\bt\(`([a-z_.]+)\$\{", text
        ):  # a key made from a value: some with that start must be there
            missing += [] if any(k.startswith(start) for k in known) else [start]
    assert missing == []


def test_every_icon_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol\s+id="i-(\w+)"', INDEX))
    asked = set()
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'\bicon\("(\w+)"', text)) | set(re.findall(r'\bicon: "(\w+)"', text))
    assert asked - drawn == set()


def test_every_import_and_link_leads_to_a_file() -> None:
    for path in SCRIPTS:
        for target in re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', path.read_text(encoding="utf-8")):
            assert (path.parent / target).is_file(), f"{path.name}: {target}"
    for name in re.findall(r'(?:href|src)="/static/([^"]+)"', INDEX):
        assert (WEB / name).is_file(), name
    linked = set(re.findall(r'href="/static/css/([^"]+)"', INDEX))
    assert linked == {p.relative_to(WEB / "css").as_posix() for p in WEB.rglob("*.css")}


def test_nothing_needs_a_weaker_policy_or_another_server() -> None:
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", INDEX)
    for path in [*SCRIPTS, *WEB.rglob("*.css"), *WEB.rglob("*.html")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|insertAdjacentHTML|\beval\(|new Function|@import", text), path
        outside = [
            u for u in re.findall(r"https?://[^\s\"'`)]+", text) if "www.w3.org" not in u and "127.0.0.1" not in u
        ]
        assert outside == [], path


@pytest.mark.parametrize("path", [*SCRIPTS, *WEB.rglob("*.css")], ids=lambda p: p.relative_to(WEB).as_posix())
def test_files_stay_small_and_checked(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    assert [line for line in text.splitlines() if len(line) > 120] == []
    if path.suffix == ".js" and "worklet" not in path.name:  # the audio thread has types of its own
        assert text.startswith("// @ts-check")
