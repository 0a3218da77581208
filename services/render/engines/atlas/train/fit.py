"""The fit itself, in torch: small networks side by side, each chosen on the part of the clip it did not learn from.

Ten seconds of speech are few, so everything holds back: the networks add to the general estimate and start at nothing,
weights decay (AdamW, Loshchilov and Hutter 2019), inputs and units drop out, and each network is kept as it was when
its own validation part was predicted best. Every bit of state, chance included, is in the checkpoint: going on from it
gives exactly what an uninterrupted run gives.
"""

from __future__ import annotations

import logging
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from services.common.errors import HuashengError
from services.render.audio.log_mel import Array
from services.render.engines.atlas.mouth.person import Ensemble

log = logging.getLogger("huasheng.render.train")

MEMBERS = 5
HIDDEN = 32
RATE = 2e-3
DECAY = 0.1
ROWS = 256
"""Rows of the material that one step learns from."""
INPUT_DROP, UNIT_DROP = 0.15, 0.3
GUARD = 12
"""Rows (20 ms) beside a validation part that are not learned from: neighbours know each other."""
CHECK_EVERY = 25
"""Steps between two looks at the validation parts."""
SAVE_EVERY = 250
EARLIER = ".old"
"""Ending of the checkpoint before the last one."""
BROKEN = (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError)
"""What reading a file that is cut short, or is no checkpoint, raises."""
NAMES = ("linear", "into", "into_bias", "out", "out_bias")


@dataclass(frozen=True)
class Look:
    """How the fit stands."""

    step: int
    loss: float
    validation_loss: float
    """Of the members as they are best, in parts of the mouth's variance."""


class Fit:
    """One fit of inputs (n, inputs) to wanted mouths (n, 2) less the general estimate, both in the members' unit."""

    def __init__(
        self, rows: Array, wanted: Array, when: npt.NDArray[np.int64], steps: int, device: str, identity: str
    ) -> None:
        """``when`` (n,) is each row's time in features; rows of near times are kept together on one side.

        ``identity`` names the material: a checkpoint of another one is not gone on from.
        """
        self.steps, self.identity, self.step = steps, f"{identity}/{steps}", 0
        self.device = torch.device(device)
        self.x = torch.from_numpy(rows).to(self.device)
        self.y = torch.from_numpy(wanted).to(self.device)
        size = rows.shape[1]
        self.validation = self._parts(when)
        self.dice = torch.Generator().manual_seed(20)
        scale = (2 / size) ** 0.5

        def start(*shape: int, spread: float = 0.0) -> Tensor:
            value = torch.randn(MEMBERS, *shape, generator=self.dice) * spread
            return value.to(self.device).requires_grad_()

        self.weights = {
            "linear": start(size, 2),
            "into": start(size, HIDDEN, spread=scale),
            "into_bias": start(HIDDEN),
            "out": start(HIDDEN, 2),
            "out_bias": start(2),
        }
        self.optimiser = torch.optim.AdamW(list(self.weights.values()), lr=RATE, weight_decay=DECAY)
        self.best = {name: w.detach().clone() for name, w in self.weights.items()}
        self.best_loss = torch.full((MEMBERS,), float("inf"))
        self.loss = float("nan")

    @staticmethod
    def _parts(when: npt.NDArray[np.int64]) -> list[tuple[Tensor, Tensor]]:
        """For each member the rows it learns from and those it is chosen on."""
        edges = np.quantile(when, np.linspace(0, 1, MEMBERS + 1))
        edges[-1] += 1
        out = []
        for a, b in pairwise(edges):
            learn = np.flatnonzero((when < a - GUARD) | (when >= b + GUARD))
            held = np.flatnonzero((when >= a) & (when < b))
            out.append((torch.from_numpy(learn), torch.from_numpy(held)))
        return out

    def _predict(self, x: Tensor, drop: bool) -> Tensor:
        w = self.weights
        if drop:
            x = x * self._mask(x.shape, INPUT_DROP)
        hidden = torch.relu(torch.bmm(x, w["into"]) + w["into_bias"][:, None])
        if drop:
            hidden = hidden * self._mask(hidden.shape, UNIT_DROP)
        return torch.bmm(x, w["linear"]) + torch.bmm(hidden, w["out"]) + w["out_bias"][:, None]

    def _mask(self, shape: torch.Size, part: float) -> Tensor:
        kept = torch.rand(shape, generator=self.dice) >= part
        return kept.to(self.device, torch.float32) / (1 - part)

    def run(
        self,
        checkpoint: Path,
        told: Callable[[Look], None],
        cancelled: Callable[[], bool] = lambda: False,
        warn: Callable[[str], None] = lambda _code: None,
    ) -> Ensemble:
        """Train to the last step, from the checkpoint if it is of this fit. Raises ``cancelled``, checkpoint kept.

        A checkpoint that cannot be read is told by ``warn`` (``checkpoint-lost``); the one before it is gone on from.
        """
        self._resume(checkpoint, warn)
        if self.step == 0:
            self._choose()
        while self.step < self.steps:
            if cancelled():
                self.save(checkpoint)
                raise HuashengError("cancelled")
            self._one()
            if self.step % CHECK_EVERY == 0 or self.step == self.steps:
                self._choose()
                told(Look(self.step, self.loss, float(self.best_loss.mean())))
            if self.step % SAVE_EVERY == 0:
                self.save(checkpoint)
        self.save(checkpoint)
        return self.members()

    def _one(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        pick = torch.stack(
            [learn[torch.randint(len(learn), (ROWS,), generator=self.dice)] for learn, _ in self.validation]
        ).to(self.device)
        loss = ((self._predict(self.x[pick], True) - self.y[pick]) ** 2).mean((1, 2))
        self.optimiser.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        self.loss = float(loss.detach().mean())

    @torch.no_grad()
    def _choose(self) -> None:
        for m, (_, held) in enumerate(self.validation):
            rows = self.x[held.to(self.device)]
            w = {name: weight[m] for name, weight in self.weights.items()}
            hidden = torch.relu(rows @ w["into"] + w["into_bias"])
            guess = rows @ w["linear"] + hidden @ w["out"] + w["out_bias"]
            loss = ((guess - self.y[held.to(self.device)]) ** 2).mean().cpu()
            if loss < self.best_loss[m]:
                self.best_loss[m] = loss
                for name in NAMES:
                    self.best[name][m] = self.weights[name][m]

    def members(self) -> Ensemble:
        """The networks as they were best."""
        return Ensemble(**{name: self.best[name].cpu().numpy().copy() for name in NAMES})

    def unseen(self) -> Array:
        """What each row is said to be by the member that did not learn from it, shape (n, 2)."""
        each = self.members().predict_each(self.x.cpu().numpy())
        out = each.mean(0)
        for m, (_, held) in enumerate(self.validation):
            out[held.numpy()] = each[m][held.numpy()]
        return np.asarray(out)

    def save(self, path: Path) -> None:
        """Write all state, whole or not at all."""
        state: dict[str, Any] = {
            "identity": self.identity,
            "step": self.step,
            "weights": {n: w.detach() for n, w in self.weights.items()},
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "best_loss": self.best_loss,
            "dice": self.dice.get_state(),
            "loss": self.loss,
        }
        beside = path.with_suffix(".part")
        torch.save(state, beside)
        if path.is_file():
            path.replace(path.with_suffix(EARLIER))
        beside.replace(path)

    def _resume(self, path: Path, warn: Callable[[str], None]) -> None:
        for kept in (path, path.with_suffix(EARLIER)):
            if kept.is_file():
                try:
                    state = self._readable(kept)
                except BROKEN as e:
                    log.warning("a checkpoint cannot be read", extra={"file": kept.name, "why": str(e)[:200]})
                    warn("checkpoint-lost")
                    continue
                if state["identity"] == self.identity:
                    self._take(state)
                return

    def _readable(self, path: Path) -> dict[str, Any]:
        """Everything in a checkpoint, looked at before any of it is taken. Raises ``BROKEN``."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        if state["identity"] == self.identity:
            for name, weight in self.weights.items():
                if not weight.shape == state["weights"][name].shape == state["best"][name].shape:
                    raise ValueError(name)
            torch.Generator().set_state(state["dice"].cpu())
            _ = state["best_loss"] + 0.0, int(state["step"]), float(state["loss"]), state["optimiser"]["state"]
        return state

    def _take(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(state["weights"][name])
                self.best[name].copy_(state["best"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best_loss = state["best_loss"].cpu()
        self.dice.set_state(state["dice"].cpu())
        self.step, self.loss = state["step"], state["loss"]
