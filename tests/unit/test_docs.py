"""The documents name settings, files and commands that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("services/*/README.md"),
        *ROOT.glob("deploy/**/*.md"),
        *ROOT.glob("clients/*/*.md"),
    ]
)
SETTING = re.compile(r"\b(?:HUASHENG|ASR|LLM|TTS|RENDER|GATEWAY)_[A-Z][A-Z0-9_]*[A-Z0-9]\b")
# read by programs around the services, not by their settings classes
OUTSIDE = {
    "HUASHENG_GPT_SOVITS_CHECKOUT",
    "HUASHENG_GPT_SOVITS_PYTHON",
    "HUASHENG_WEIGHTS_LOCAL",
    "HUASHENG_PORT",
    "HUASHENG_BIND",
    "HUASHENG_CPUS",
    "HUASHENG_URL",
    "HUASHENG_API_KEY",
    "HUASHENG_TOKEN",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_settings_named_in_a_page_exist(page: Path) -> None:
    known = set(SETTING.findall((ROOT / "docs" / "settings.md").read_text(encoding="utf-8"))) | OUTSIDE
    assert set(SETTING.findall(page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_make_targets_named_in_a_page_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", page.read_text(encoding="utf-8"), re.M)
    assert set(named) <= targets


def test_both_readmes_tell_the_same() -> None:
    english, chinese = ((ROOT / n).read_text(encoding="utf-8") for n in ("README.md", "README.zh-CN.md"))
    assert english.count("\n## ") == chinese.count("\n## ")
    for pattern in (SETTING, re.compile(r"make [a-z-]+"), re.compile(r"docs/[\w/.-]+")):
        assert set(pattern.findall(english)) - {"docs/images/chat-en.png"} == set(pattern.findall(chinese)) - {
            "docs/images/chat-zh.png"
        }
