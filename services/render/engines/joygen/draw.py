"""Runs the networks on batches of frames on one device: fit, encode, draw.

Only the device's thread calls this, except ``model``, by which a session checks that its network can be loaded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from services.render.engines.joygen.batching import DeviceOutOfMemory
from services.render.engines.joygen.bfm import Bfm
from services.render.engines.joygen.checkpoints import Bundle, load_unet
from services.render.engines.joygen.depth import FACE_SIDE, Placement, lip_depth
from services.render.engines.joygen.nets.vae import decode, encode

MAX_TRAINED_MODELS = 2
"""Number of trained networks that stay in memory beside the published one."""

Faces = npt.NDArray[np.uint8]
"""Shape (n, 256, 256, 3), BGR."""
Floats = npt.NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True)
class DrawRequest:
    """One frame to draw."""

    latents: npt.NDArray[np.float16]
    """Shape (8, 32, 32): masked face, whole face."""
    sound: Floats
    """Shape (50, 384)."""
    coefficients: Floats | None = None
    """Shape (257,), with the target expression; None draws without depth."""
    placement: Placement | None = None


class FacePainter:
    """The networks of one engine and their operations. Raises ``DeviceOutOfMemory``."""

    def __init__(self, bundle: Bundle, bfm: Bfm | None = None) -> None:
        self.bundle, self.bfm = bundle, bfm
        self._trained: OrderedDict[tuple[Path, int], nn.Module] = OrderedDict()
        self._lock = threading.Lock()
        self._black_latents: Tensor | None = None

    @property
    def takes_depth(self) -> bool:
        """Whether the UNet takes a lip depth map (JoyGen's does, MuseTalk's does not)."""
        return self.bundle.kind == "joygen"

    def draw(self, model: Hashable, requests: Sequence[DrawRequest]) -> list[npt.NDArray[np.uint8]]:
        """Faces (256, 256, 3), BGR. ``model`` is the folder of a trained network, or None."""
        return run_on_device(lambda: self._draw(model, requests))

    def latents(self, faces: Faces) -> npt.NDArray[np.float16]:
        """Latents (n, 8, 32, 32) of boxes: masked lower half, then whole."""

        def work() -> npt.NDArray[np.float16]:
            whole = self._images(faces)
            # black before the shift to -1..1 is -1 after it, which is what upstream's half mask leaves
            upper = whole.clone()
            upper[:, :, FACE_SIDE // 2 :] = -1
            encoded = [encode(self.bundle.vae, x) for x in (upper, whole)]
            return np.asarray(torch.cat(encoded, 1).to(torch.float16).cpu().numpy())

        return run_on_device(work)

    def fit(self, crops: npt.NDArray[np.uint8]) -> Floats:
        """Coefficients (n, 257) of aligned crops (n, 224, 224, 3), BGR. Needs the fitting network."""
        recon = self.bundle.recon
        assert recon is not None
        return run_on_device(lambda: np.asarray(recon(self._to_unit_range(crops)).float().cpu().numpy()))

    def parse(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Class of each pixel (512, 512) of a BGR picture (512, 512, 3). Needs the parser."""
        parsing = self.bundle.parsing
        assert parsing is not None
        return run_on_device(lambda: np.asarray(parsing(self._to_unit_range(picture[None]))[0].cpu().numpy(), np.uint8))

    def model(self, folder: Path | None) -> nn.Module:
        """The published UNet, or a trained one; raises ``WeightsError`` when its folder holds none."""
        if folder is None:
            return self.bundle.unet
        with self._lock:
            # a network trained again under its old name is another one
            key = (folder, max((p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")), default=0))
            if key not in self._trained:
                self._trained[key] = load_unet(folder).to(self.bundle.device, self.bundle.dtype).eval()
                while len(self._trained) > MAX_TRAINED_MODELS:
                    self._trained.popitem(last=False)
            self._trained.move_to_end(key)
            return self._trained[key]

    def _draw(self, model: Hashable, requests: Sequence[DrawRequest]) -> list[npt.NDArray[np.uint8]]:
        device, dtype = self.bundle.device, self.bundle.dtype
        latents = torch.from_numpy(np.stack([request.latents for request in requests])).to(device, dtype)
        sound = torch.from_numpy(np.stack([request.sound for request in requests])).to(device, dtype)
        if self.takes_depth:
            latents = torch.cat([latents, self._depth(requests)], 1)
        assert model is None or isinstance(model, Path)
        images = decode(self.bundle.vae, self.model(model)(latents, sound)).float()
        levels = ((images / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return list(np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy()[..., ::-1]))

    def _depth(self, requests: Sequence[DrawRequest]) -> Tensor:
        if self._black_latents is None:
            black = torch.full((1, 3, FACE_SIDE, FACE_SIDE), -1.0, device=self.bundle.device, dtype=self.bundle.dtype)
            self._black_latents = encode(self.bundle.vae, black)
        out = self._black_latents.repeat(len(requests), 1, 1, 1)
        with_depth = [i for i, request in enumerate(requests) if request.coefficients is not None]
        if with_depth:
            assert self.bfm is not None
            coefficients = torch.from_numpy(
                np.stack([request.coefficients for request in requests if request.coefficients is not None])
            ).to(self.bundle.device)
            placements = [p for i in with_depth if (p := requests[i].placement)]
            levels = lip_depth(self.bfm, coefficients, placements)
            images = (levels / 127.5 - 1).to(self.bundle.dtype)[:, None].expand(-1, 3, -1, -1)
            out[with_depth] = encode(self.bundle.vae, images)
        return out

    def _images(self, faces: Faces) -> Tensor:
        """BGR bytes as RGB in -1..1, on the device and dtype of the large networks."""
        return (self._to_unit_range(faces) * 2 - 1).to(self.bundle.dtype)

    def _to_unit_range(self, pictures: npt.NDArray[np.uint8]) -> Tensor:
        x = torch.from_numpy(np.ascontiguousarray(pictures[..., ::-1])).to(self.bundle.device)
        return x.permute(0, 3, 1, 2).float() / 255


def run_on_device(work: Callable[[], T]) -> T:
    """Run without gradients. A device's out-of-memory error becomes ``DeviceOutOfMemory``."""
    try:
        with torch.inference_mode():
            return work()
    except (torch.OutOfMemoryError, MemoryError) as e:
        why: BaseException = e
    except RuntimeError as e:
        if "not enough memory" not in str(e):  # how the CPU's allocator says it
            raise
        why = e
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    raise DeviceOutOfMemory(str(why)) from why
