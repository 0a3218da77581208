"""In CI a skipped test is a failure, unless ``allowed_skips.toml`` lists it with a reason."""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

LIST = Path(__file__).with_name("allowed_skips.toml")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@dataclass(frozen=True)
class Allowed:
    """A reason for which some tests may be skipped."""

    tests: tuple[str, ...]
    """Shell patterns of test ids; one that names a file or folder covers all in it."""
    message: str
    """Regular expression that the message of the skip must hold."""
    why: str

    def covers(self, test_id: str, message: str) -> bool:
        by_name = any(fnmatch.fnmatch(test_id, p) or fnmatch.fnmatch(test_id, f"{p}[:/]*") for p in self.tests)
        return by_name and re.search(self.message, message) is not None


@cache
def allowed() -> tuple[Allowed, ...]:
    """What the list holds. Raises ``TypeError`` for an entry with a missing or unknown key."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["skip"]
    return tuple(Allowed(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries)


def judged(report: Report, strict: bool) -> Report:
    """The report; a skip that is not on the list has become a failure."""
    if strict and report.skipped and not hasattr(report, "wasxfail"):
        message = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        message = message.removeprefix("Skipped: ")
        if not any(a.covers(report.nodeid, message) for a in allowed()):
            report.outcome = "failed"
            report.longrepr = f"skipped: {message}\nIn CI this is a failure: tests/{LIST.name} does not list it."
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    parser.addoption(
        "--strict-skips",
        action="store_true",
        default=in_ci,
        help=f"fail skipped tests that tests/{LIST.name} does not list (on by itself where CI is set)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return judged((yield), item.config.getoption("--strict-skips"))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return judged((yield), collector.config.getoption("--strict-skips"))
