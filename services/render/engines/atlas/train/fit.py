"""Trains an ensemble of small networks in torch, each validated on the part of the clip that it was not trained on.

Ten seconds of speech are little data, so the fit is regularised: the networks add to the general estimate and start at
zero, weights decay (AdamW, Loshchilov and Hutter 2019), inputs and units drop out, and each network is kept as it was
at its lowest validation loss. The checkpoint holds all state, random generators included. A resumed run gives exactly
what an uninterrupted one gives.
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

ENSEMBLE_SIZE = 5
HIDDEN = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.1
BATCH_ROWS = 256
"""Rows of the training data in one step."""
INPUT_DROPOUT, UNIT_DROPOUT = 0.15, 0.3
GUARD_ROWS = 12
"""Rows (20 ms) beside a validation part that are left out of training: neighbouring rows overlap."""
VALIDATE_EVERY = 25
"""Steps between two validations."""
SAVE_EVERY = 250
PREVIOUS_SUFFIX = ".old"
"""File suffix of the checkpoint before the last one."""
UNREADABLE = (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError)
"""Exceptions on reading a file that is truncated or no checkpoint."""
WEIGHT_NAMES = ("linear", "into", "into_bias", "out", "out_bias")


def setup_torch(device: str, threads: int) -> None:
    """Set up torch. Raises ``unknown-id`` for a device that is not available."""
    kind, _, number = device.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" and torch.cuda.is_available() else 0
    if device != "cpu" and int(number or 0) >= count:
        raise HuashengError("unknown-id", kind="device", id=device)
    torch.set_num_threads(threads)


@dataclass(frozen=True)
class FitProgress:
    """Progress of the fit."""

    step: int
    loss: float
    validation_loss: float
    """Mean of the networks' lowest validation losses, as a share of the mouth's variance."""


class EnsembleFit:
    """Fits inputs (n, inputs) to target mouths (n, 2) minus the general estimate, both in the networks' output unit."""

    def __init__(
        self, rows: Array, targets: Array, when: npt.NDArray[np.int64], steps: int, device: str, identity: str
    ) -> None:
        """``when`` (n,) is the time of each row in features; rows of similar time stay in the same fold.

        ``identity`` names the training data; a checkpoint of other data is ignored.
        """
        self.steps, self.identity, self.step = steps, f"{identity}/{steps}", 0
        self.device = torch.device(device)
        self.x = torch.from_numpy(rows).to(self.device)
        self.y = torch.from_numpy(targets).to(self.device)
        size = rows.shape[1]
        self.validation = self._folds(when)
        self.rng = torch.Generator().manual_seed(20)
        scale = (2 / size) ** 0.5

        def start(*shape: int, spread: float = 0.0) -> Tensor:
            value = torch.randn(ENSEMBLE_SIZE, *shape, generator=self.rng) * spread
            return value.to(self.device).requires_grad_()

        self.weights = {
            "linear": start(size, 2),
            "into": start(size, HIDDEN, spread=scale),
            "into_bias": start(HIDDEN),
            "out": start(HIDDEN, 2),
            "out_bias": start(2),
        }
        self.optimiser = torch.optim.AdamW(list(self.weights.values()), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        self.best = {name: w.detach().clone() for name, w in self.weights.items()}
        self.best_loss = torch.full((ENSEMBLE_SIZE,), float("inf"))
        self.loss = float("nan")

    @staticmethod
    def _folds(when: npt.NDArray[np.int64]) -> list[tuple[Tensor, Tensor]]:
        """Training rows and validation rows of each network."""
        edges = np.quantile(when, np.linspace(0, 1, ENSEMBLE_SIZE + 1))
        edges[-1] += 1
        folds = []
        for fold_start, fold_stop in pairwise(edges):
            train = np.flatnonzero((when < fold_start - GUARD_ROWS) | (when >= fold_stop + GUARD_ROWS))
            validation = np.flatnonzero((when >= fold_start) & (when < fold_stop))
            folds.append((torch.from_numpy(train), torch.from_numpy(validation)))
        return folds

    def _predict(self, x: Tensor, dropout: bool) -> Tensor:
        weights = self.weights
        if dropout:
            x = x * self._mask(x.shape, INPUT_DROPOUT)
        hidden = torch.relu(torch.bmm(x, weights["into"]) + weights["into_bias"][:, None])
        if dropout:
            hidden = hidden * self._mask(hidden.shape, UNIT_DROPOUT)
        return torch.bmm(x, weights["linear"]) + torch.bmm(hidden, weights["out"]) + weights["out_bias"][:, None]

    def _mask(self, shape: torch.Size, dropout: float) -> Tensor:
        kept = torch.rand(shape, generator=self.rng) >= dropout
        return kept.to(self.device, torch.float32) / (1 - dropout)

    def run(
        self,
        checkpoint: Path,
        progress: Callable[[FitProgress], None],
        cancelled: Callable[[], bool] = lambda: False,
        warn: Callable[[str], None] = lambda _code: None,
    ) -> Ensemble:
        """Train to the last step, from the checkpoint if it belongs to this fit.

        Raises ``cancelled`` after saving a checkpoint. An unreadable checkpoint is reported to ``warn``
        (``checkpoint-lost``), and training resumes from the one before it.
        """
        self._resume(checkpoint, warn)
        if self.step == 0:
            self._validate()
        while self.step < self.steps:
            if cancelled():
                self.save(checkpoint)
                raise HuashengError("cancelled")
            self._train_step()
            if self.step % VALIDATE_EVERY == 0 or self.step == self.steps:
                self._validate()
                progress(FitProgress(self.step, self.loss, float(self.best_loss.mean())))
            if self.step % SAVE_EVERY == 0:
                self.save(checkpoint)
        self.save(checkpoint)
        return self.ensemble()

    def _train_step(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
        batch = torch.stack(
            [train[torch.randint(len(train), (BATCH_ROWS,), generator=self.rng)] for train, _ in self.validation]
        ).to(self.device)
        loss = ((self._predict(self.x[batch], True) - self.y[batch]) ** 2).mean((1, 2))
        self.optimiser.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        self.loss = float(loss.detach().mean())

    @torch.no_grad()
    def _validate(self) -> None:
        for member, (_, validation) in enumerate(self.validation):
            rows = self.x[validation.to(self.device)]
            weights = {name: weight[member] for name, weight in self.weights.items()}
            hidden = torch.relu(rows @ weights["into"] + weights["into_bias"])
            prediction = rows @ weights["linear"] + hidden @ weights["out"] + weights["out_bias"]
            loss = ((prediction - self.y[validation.to(self.device)]) ** 2).mean().cpu()
            if loss < self.best_loss[member]:
                self.best_loss[member] = loss
                for name in WEIGHT_NAMES:
                    self.best[name][member] = self.weights[name][member]

    def ensemble(self) -> Ensemble:
        """The networks at their lowest validation losses."""
        return Ensemble(**{name: self.best[name].cpu().numpy().copy() for name in WEIGHT_NAMES})

    def out_of_fold(self) -> Array:
        """Prediction for each row by the network that was not trained on it, shape (n, 2)."""
        predictions = self.ensemble().predict_each(self.x.cpu().numpy())
        mean = predictions.mean(0)
        for member, (_, validation) in enumerate(self.validation):
            mean[validation.numpy()] = predictions[member][validation.numpy()]
        return np.asarray(mean)

    def save(self, path: Path) -> None:
        """Write all state atomically."""
        state: dict[str, Any] = {
            "identity": self.identity,
            "step": self.step,
            "weights": {n: w.detach() for n, w in self.weights.items()},
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "best_loss": self.best_loss,
            "dice": self.rng.get_state(),
            "loss": self.loss,
        }
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        if path.is_file():
            path.replace(path.with_suffix(PREVIOUS_SUFFIX))
        partial.replace(path)

    def _resume(self, path: Path, warn: Callable[[str], None]) -> None:
        for candidate in (path, path.with_suffix(PREVIOUS_SUFFIX)):
            if candidate.is_file():
                try:
                    state = self._read_state(candidate)
                except UNREADABLE as e:
                    log.warning("a checkpoint cannot be read", extra={"file": candidate.name, "why": str(e)[:200]})
                    warn("checkpoint-lost")
                    continue
                if state["identity"] == self.identity:
                    self._load_state(state)
                return

    def _read_state(self, path: Path) -> dict[str, Any]:
        """The content of a checkpoint, fully checked before any of it is loaded. Raises ``UNREADABLE``."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        if state["identity"] == self.identity:
            for name, weight in self.weights.items():
                if not weight.shape == state["weights"][name].shape == state["best"][name].shape:
                    raise ValueError(name)
            torch.Generator().set_state(state["dice"].cpu())
            _ = state["best_loss"] + 0.0, int(state["step"]), float(state["loss"]), state["optimiser"]["state"]
        return state

    def _load_state(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(state["weights"][name])
                self.best[name].copy_(state["best"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best_loss = state["best_loss"].cpu()
        self.rng.set_state(state["dice"].cpu())
        self.step, self.loss = state["step"], state["loss"]
