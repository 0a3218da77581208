"""What stages took so far, kept in a file of the data folder over restarts."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.gateway.jobs.estimates import LEARN, Measured, Rates, StageRate, learned

log = logging.getLogger("huasheng.gateway.jobs")
MOST_KEYS = 300
FILE = "stage_rates.json"


class RateBook:
    """Rates by key, the one learned last at the end. Must be used on one event loop."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stages: dict[str, dict[str, StageRate]] = {}
        self._numbers: dict[str, float] = {}
        try:
            self._read(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as e:  # only estimates are lost
            log.warning("measured rates cannot be read", extra={"file": str(self._path), "why": type(e).__name__})

    def _read(self, found: dict[str, Any]) -> None:
        self._stages = {str(key): _rates_of(rates) for key, rates in found["stages"].items()}
        self._numbers = {str(key): float(n) for key, n in found["numbers"].items()}

    def rates(self, *keys: str) -> Rates:
        """The rates of the first key that is known; empty when none is."""
        return next((self._stages[key] for key in keys if key in self._stages), {})

    def number(self, key: str, otherwise: float) -> float:
        """An averaged figure."""
        return self._numbers.get(key, otherwise)

    def learn(self, keys: list[str], measured: list[Measured], work: float) -> None:
        """Add the stages of a finished job under each key."""
        for key in keys:
            self._stages[key] = learned(self._stages.pop(key, {}), measured, work)

    def learn_number(self, key: str, value: float) -> None:
        """Add to an averaged figure."""
        old = self._numbers.pop(key, value)
        self._numbers[key] = old + LEARN * (value - old)

    def save(self) -> None:
        """Write the file whole or not at all. Raises ``OSError``."""
        for kept in (self._stages, self._numbers):
            while len(kept) > MOST_KEYS:
                kept.pop(next(iter(kept)))
        stages = {key: {s: asdict(r) for s, r in rates.items()} for key, rates in self._stages.items()}
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps({"stages": stages, "numbers": self._numbers}), encoding="utf-8")
        part.replace(self._path)


def _rates_of(found: dict[str, Any]) -> dict[str, StageRate]:
    return {str(stage): StageRate(**{**rate, "shares": tuple(rate["shares"])}) for stage, rate in found.items()}
