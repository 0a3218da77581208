"""Audio features for the UNet: hidden states of Whisper around each picture, on a fixed grid of 30 s windows.

Whisper was trained on 30 s windows, and the UNets on features of windows that start at 0, 30, 60 … s of a recording. A
stream keeps that grid: it encodes the part of the window received so far, again for every few pictures.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from services.render.audio.whisper import BANDS, HOP, WINDOW, mel_columns
from services.render.engines.joygen.checkpoints import Kind
from services.render.engines.joygen.nets.whisper import WhisperEncoder

Array = npt.NDArray[np.float32]

FRAME_SAMPLES = 640
"""Samples of one picture, 25 a second."""
GRID_COLUMNS = 3000
"""Mel columns of a window of the grid (30 s); two of them are one row."""
GRID_ROWS = GRID_COLUMNS // 2
SILENCE_LOG_MEL = -10.0
"""Log10 mel of silence."""
ROWS_BEFORE, ROWS_AFTER = 4, 6
"""Rows (50 a second) of picture i: 2 i - ROWS_BEFORE … 2 i + ROWS_AFTER - 1, each of all layers."""
FRAME_REACH = (2 * ROWS_AFTER + 1) * HOP + WINDOW // 2
"""Samples from a picture's start that its last row depends on, apart from attention."""
LOOK_AHEAD = 5120
"""Further samples that a stream waits for (0.32 s): later sound improves Whisper's features."""
GROUP_FRAMES = 8
"""Pictures per encoding of a stream."""


def positions(count: int, size: int) -> Array:
    """Sines at even and cosines at odd places (Vaswani et al. 2017), (count, size)."""
    rates = torch.exp(torch.arange(0, size, 2) * (-math.log(10000.0) / size))
    angles = torch.arange(count)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1).numpy()


class WhisperFeatures:
    """Rows for the pictures of one recording or stream.

    ``live`` False, for recordings, waits for ``finish`` and then gives exactly what upstream computes from a whole
    file. ``live`` True gives a picture's rows ``FRAME_REACH`` + ``LOOK_AHEAD`` after the start of the last picture of
    its group of ``GROUP_FRAMES``, whatever the sizes of the pieces. They differ from the whole file's rows, because
    later sound is missing.

    JoyGen pads windows with zeros after normalising by the loudest sound of the file (so far, in a stream), and repeats
    the first and last row at the ends. MuseTalk pads the sound and normalises by window, takes the last layer through
    its final norm, and has zeros at the ends.
    """

    def __init__(self, whisper: WhisperEncoder, kind: Kind = "joygen", live: bool = True) -> None:
        self._net, self._kind, self._live = whisper, kind, live
        weight = whisper.conv1.weight
        self._device, self._dtype = weight.device, weight.dtype
        layers, size = len(whisper.blocks) + 1, weight.shape[0]
        self._positions = positions((ROWS_BEFORE + ROWS_AFTER) * layers, size)
        self._pending = np.zeros(0, np.float32)
        """Samples not yet in ``_mel``, from sample ``_mel_end`` * HOP - WINDOW / 2 on; at the start mirrored ones."""
        self._mel = np.zeros((0, BANDS), np.float32)
        """Columns from ``_first`` on, not normalised."""
        self._first, self._peak = 0, SILENCE_LOG_MEL
        """First column kept, and the loudest value before it."""
        self._count = 0
        self._finished = False
        self._encoded: dict[int, Array] = {}
        """States of windows of the grid, encoded up to column ``_encoded_end``."""
        self._encoded_end = -1

    def push(self, samples: Array) -> None:
        """Take samples at 16 kHz, float32 in -1..1."""
        before, self._count = self._count, self._count + len(samples)
        self._pending = np.concatenate([self._pending, samples.astype(np.float32, copy=False)])
        half = WINDOW // 2
        if before <= half < self._count:  # the beginning is mirrored, as a centred transform does
            self._pending = np.concatenate([self._pending[half:0:-1], self._pending])
        if self._count > half:
            self._extract_mel()

    def _extract_mel(self) -> None:
        columns = mel_columns(self._pending)
        self._pending = self._pending[len(columns) * HOP :]
        self._mel = np.concatenate([self._mel, columns])

    def finish(self) -> None:
        """End of the sound."""
        if self._finished:
            return
        if self._count < FRAME_SAMPLES:  # too short to be mirrored
            self.push(np.zeros(FRAME_SAMPLES - self._count, np.float32))
        self._finished = True
        half = WINDOW // 2
        mirrored = self._pending[-2 : -half - 2 : -1]
        # MuseTalk transforms silence after the end as part of the sound
        self._pending = np.concatenate(
            [self._pending, mirrored if self._kind == "joygen" else np.zeros(WINDOW, np.float32)]
        )
        self._extract_mel()
        if self._kind == "joygen":
            self._mel = self._mel[: self._count // HOP - self._first]

    @property
    def end(self) -> int:
        """Number of ready pictures; after ``finish`` the number of pictures with sound."""
        if self._finished:
            return -(-self._count // FRAME_SAMPLES)
        if not self._live:
            return 0
        return max(0, (self._count - FRAME_REACH - LOOK_AHEAD) // FRAME_SAMPLES + 1) // GROUP_FRAMES * GROUP_FRAMES

    def ready(self, frame: int) -> bool:
        """Whether ``rows`` of this picture are ready; after ``finish`` all are."""
        return self._finished or frame < self.end

    def rows(self, frame: int) -> Array:
        """Features (50, 384), positions added. Call it in order of pictures: old sound is dropped.

        Raises ``ValueError`` for a picture that is not ready.
        """
        if not self.ready(frame):
            raise ValueError(f"picture {frame} is not ready; {self.end} are")
        wanted_rows = range(2 * frame - ROWS_BEFORE, 2 * frame + ROWS_AFTER)
        last = self._row_count() - 1
        clamped = [min(max(row, 0), last) for row in wanted_rows]
        self._encode(
            frame // GROUP_FRAMES * GROUP_FRAMES + GROUP_FRAMES - 1, sorted({row // GRID_ROWS for row in clamped})
        )
        picked_rows = np.stack([self._encoded[row // GRID_ROWS][row % GRID_ROWS] for row in clamped])
        if self._kind == "musetalk":
            picked_rows[[i for i, row in enumerate(wanted_rows) if not 0 <= row <= last]] = 0
        return np.asarray(picked_rows.reshape(-1, picked_rows.shape[-1]) + self._positions)

    def _row_count(self) -> int:
        """Number of rows; unlimited while a stream is open."""
        if not self._finished:
            return 1 << 60
        whole, rest = divmod(self._count // HOP, GRID_COLUMNS)
        return whole * GRID_ROWS + rest // 2

    def _encode(self, frame: int, windows: list[int]) -> None:
        """Encode the windows up to the sound that ``frame`` may use."""
        columns = (frame * FRAME_SAMPLES + FRAME_REACH + LOOK_AHEAD - WINDOW // 2) // HOP + 1
        end = self._first + len(self._mel)
        if self._finished and (not self._live or columns > end):
            columns = end
        # a window that was encoded to its end stays valid
        valid_end = columns if columns != self._encoded_end else 1 << 60
        self._encoded = {
            w: x for w, x in self._encoded.items() if w >= windows[0] and (w + 1) * GRID_COLUMNS < valid_end
        }
        self._encoded_end = columns
        dropped = (windows[0] * GRID_COLUMNS - self._first) if self._live else 0
        if dropped > 0:
            self._peak = max(self._peak, float(self._mel[:dropped].max()))
            self._mel, self._first = self._mel[dropped:], self._first + dropped
        for window in windows:
            if window not in self._encoded:
                self._encoded[window] = self._window(window, columns)

    def _window(self, window: int, columns: int) -> Array:
        """States of one window of the grid, encoded up to ``columns``: (1500, layers, 384)."""
        mel = self._mel[: columns - self._first]
        window_mel = mel[window * GRID_COLUMNS - self._first :][:GRID_COLUMNS]
        if self._kind == "joygen":
            peak, padding = max(float(mel.max()), self._peak), 0.0
        else:
            peak = float(window_mel.max())
            padding = (max(SILENCE_LOG_MEL, peak - 8) + 4) / 4
        padded = np.full((GRID_COLUMNS, BANDS), padding, np.float32)
        padded[: len(window_mel)] = (np.maximum(window_mel, peak - 8) + 4) / 4
        with torch.inference_mode():
            x = torch.from_numpy(padded.T.copy())[None].to(self._device, self._dtype)
            states: Array = self._net(x, final_norm=self._kind == "musetalk")[0].float().cpu().numpy()
        return states
