"""What schemathesis checks of each answer besides its own checks; loaded by it through ``SCHEMATHESIS_HOOKS``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import schemathesis

COUNTED = Path(os.environ.get("API_CHECKS_COUNTED", os.devnull))


@schemathesis.check
def no_unplanned_error(ctx: Any, response: Any, case: Any) -> None:
    """A 5xx must be a problem that somebody foresaw: ``service-down``, not ``internal``."""
    with COUNTED.open("a") as f:
        f.write(f"{response.status_code} {case.method} {case.path}\n")
    if response.status_code >= 500:
        kind = response.headers.get("content-type", [""])[0]
        if kind != "application/problem+json" or response.json()["reason"] == "internal":
            raise AssertionError(f"unplanned {response.status_code}: {response.text[:500]}")


@schemathesis.check
def errors_are_problems(ctx: Any, response: Any, case: Any) -> None:
    """Every refusal says why, as ``docs/api.md`` promises."""
    if response.status_code >= 400 and case.path != "/readyz":
        kind = response.headers.get("content-type", [""])[0]
        assert kind == "application/problem+json", f"{response.status_code} as {kind}"
