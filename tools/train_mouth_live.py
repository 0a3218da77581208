"""Trains the network that hears conversations as they come: see ``train_mouth``, which calls this."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from services.render.audio.log_mel import BANDS, Levelled
from services.render.engines.atlas.mouth.hear import AHEAD, BACK, DILATIONS, SILENCE, TAPS
from services.render.engines.atlas.mouth.track import mouth_at
from tools.mouth_speech import Sentence, breathing, recording, worse

Array = npt.NDArray[np.float32]
COPIES = 2
"""Times each voice is heard, each time made worse differently."""
CHANNELS = 80
CHUNK = 300
"""Frames whose mouth is learnt at once."""
BATCH = 8
EPOCHS = 20
RATE = 2e-3
DECAY = 3e-3
DROPOUT = 0.15
TONE, BAND_LOSS = 0.25, 0.5
"""Random offset of bands (log10 of power), drawn anew for every chunk, and how often some bands are lost."""


def examples(voices: dict[str, list[Sentence]], every: int) -> tuple[list[tuple[Array, Array]], list[bool]]:
    """Log-mel frames and wanted mouths of every recording, and whether it is held out."""
    dice = np.random.default_rng(2)
    others = [s[0] for own in voices.values() for s in own]
    out, held = [], []
    for k, own in enumerate(voices.values()):
        for _ in range(COPIES):
            sound, visemes = recording(own, dice)
            frames = np.maximum(Levelled().push(worse(sound, others, dice))[:, :BANDS], SILENCE)
            out.append((frames, mouth_at(breathing(visemes), np.arange(len(frames)) / 100)))
            held.append(k % every == 0)
    return out, held


def network() -> torch.nn.Sequential:
    """Of frames (batch, BANDS, n + BACK + AHEAD) the mouth (batch, 2, n)."""
    layers: list[torch.nn.Module] = []
    size = BANDS
    for dilation in DILATIONS:
        layers += [torch.nn.Conv1d(size, CHANNELS, TAPS, dilation=dilation), torch.nn.ReLU()]
        layers.append(torch.nn.Dropout1d(DROPOUT))
        size = CHANNELS
    return torch.nn.Sequential(*layers, torch.nn.Conv1d(size, 2, 1))


def train_live(voices: dict[str, list[Sentence]], every: int) -> dict[str, Any]:
    """Fit the network without every ``every``-th voice, which tell how well it does; its arrays by name."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    dice = np.random.default_rng(3)
    rows, held = examples(voices, every)
    seen = np.concatenate([x for x, _ in rows])
    mean, spread = seen.mean(0), seen.std(0) + 0.05
    centre = np.concatenate([y for _, y in rows]).mean(0)
    chunks = [
        (k, at) for k, (x, _) in enumerate(rows) for at in range(BACK, len(x) - AHEAD - CHUNK, CHUNK) if not held[k]
    ]
    model = network()
    last = model[-1]
    assert isinstance(last, torch.nn.Conv1d) and last.bias is not None
    last.bias.data[:] = torch.from_numpy(centre)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    steps = EPOCHS * (len(chunks) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    scale = torch.tensor([1.0, 0.8])[None, :, None]
    for epoch in range(EPOCHS):
        model.train()
        total = 0.0
        order = dice.permutation(len(chunks))
        for k in range(0, len(order) - BATCH + 1, BATCH):
            xs, ys = [], []
            for number in order[k : k + BATCH]:
                row, at = chunks[number]
                at += int(dice.integers(0, CHUNK // 2)) if at + CHUNK * 3 // 2 + AHEAD < len(rows[row][0]) else 0
                x, y = rows[row]
                xs.append(disturbed(x[at - BACK : at + CHUNK + AHEAD], mean, dice))
                ys.append(y[at : at + CHUNK])
            x_in = torch.from_numpy(((np.stack(xs) - mean) / spread).astype(np.float32)).transpose(1, 2)
            loss = ((model(x_in) - torch.from_numpy(np.stack(ys)).transpose(1, 2)) ** 2 * scale).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        hat, wanted = heard(model, [r for r, h in zip(rows, held, strict=True) if h], mean, spread)
        r = [float(np.corrcoef(hat[:, c], wanted[:, c])[0, 1]) for c in range(2)]
        loss_now = total / (len(order) // BATCH)
        print(f"epoch {epoch + 1}: loss {loss_now:.4f}, held-out opening {r[0]:.3f} width {r[1]:.3f}", flush=True)
    gain = np.clip(wanted.std(0) / hat.std(0), 1, 1.4)
    out: dict[str, Any] = {"mean": mean, "spread": spread, "centre": centre, "gain": gain}
    layers = [m for m in model if isinstance(m, torch.nn.Conv1d)]
    for j, layer in enumerate(layers):
        assert layer.bias is not None
        weight = layer.weight.detach().permute(2, 1, 0).reshape(-1, layer.out_channels)
        out |= {f"matrix{j}": weight.numpy().astype(np.float16), f"bias{j}": layer.bias.detach().numpy()}
    return out


def disturbed(frames: Array, mean: Array, dice: np.random.Generator) -> Array:
    """The frames through another microphone, some bands lost."""
    knots = np.linspace(0, BANDS - 1, 6)
    tone = np.interp(np.arange(BANDS), knots, dice.normal(0, TONE, 6))
    out = frames + tone + dice.normal(0, 0.1, frames.shape)
    if dice.random() < BAND_LOSS:
        first = int(dice.integers(0, BANDS - 6))
        part = slice(first, first + int(dice.integers(2, 7)))
        out[:, part] = mean[part]
    return np.asarray(np.maximum(out, SILENCE), np.float32)


def heard(
    model: torch.nn.Sequential, rows: list[tuple[Array, Array]], mean: Array, spread: Array
) -> tuple[Array, Array]:
    """What the network says of whole recordings, and what it should."""
    model.eval()
    hats, wanted = [], []
    with torch.no_grad():
        for x, y in rows:
            z = torch.from_numpy(((x - mean) / spread).astype(np.float32).T[None].copy())
            hats.append(model(z)[0].numpy().T)
            wanted.append(y[BACK : len(y) - AHEAD])
    return np.concatenate(hats), np.concatenate(wanted)
