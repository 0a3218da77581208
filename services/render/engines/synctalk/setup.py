"""The SyncTalk checkout: its location, its missing parts, and how its programs are started."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import HuashengError
from services.render.devices import DeviceInfo
from services.render.engines.synctalk.child import NAME, Child
from services.render.engines.synctalk.settings import Settings

FILES = {
    "nerf_triplane/checkpoints/audio_visual_encoder.pth": "part of the repository",
    "data_utils/UNFaceFlow/sgd_NNRT_model_epoch19008_50000.pth": "part of the repository",
    "data_utils/blendshape_capture/face_landmarker.task": "part of the repository",
    "data_utils/face_parsing/79999_iter.pth": "face parsing, see docs/synctalk.md",
    "data_utils/face_tracking/3DMM/topology_info.npy": "face tracking, see docs/synctalk.md",
    "data_utils/face_tracking/3DMM/3DMM_info.npy": "made by convert_BFM.py from the Basel Face Model",
}
PACKAGES = (
    "torch",
    "cv2",
    "tqdm",
    "rich",
    "imageio",
    "librosa",
    "lpips",
    "face_alignment",
    "tensorboardX",
    "trimesh",
    "torch_ema",
    "scipy",
    "mediapipe",
    "pytorch3d",
    "_raymarching_face",
    "_gridencoder",
    "_freqencoder",
    "_shencoder",
)
"""What its programs import, its CUDA extensions under the names their set-up gives them."""
PROBE_S = 180.0
_PROBE = (
    "import importlib.util as u, json\n"
    "missing = [m for m in {packages!r} if u.find_spec(m) is None]\n"
    "out = {{'missing': missing, 'cuda': False}}\n"
    "if 'torch' not in missing:\n"
    "    import torch\n"
    "    out['torch'] = torch.__version__\n"
    "    out['cuda'] = torch.cuda.is_available()\n"
    "    if out['cuda']:\n"
    "        p = torch.cuda.get_device_properties(0)\n"
    "        out['name'], out['memory'] = p.name, p.total_memory\n"
    "print('huasheng-probe ' + json.dumps(out), flush=True)\n"
)
_OUR_PREFIXES = ("RENDER_", "GATEWAY_", "ASR_", "LLM_", "TTS_", "HUASHENG_")

NO_CHECKOUT = {
    "cause": "checkout-missing",
    "variable": "RENDER_SYNCTALK_DIR",
    "python": "RENDER_SYNCTALK_PYTHON",
    "page": "docs/synctalk.md",
}
"""Why nothing can be done: parameters of an error."""


@dataclass(frozen=True)
class SyncTalk:
    """The operator's checkout."""

    settings: Settings

    @classmethod
    def of(cls, settings: Settings) -> SyncTalk | None:
        """The checkout of the settings, None where none is set."""
        return cls(settings) if settings.dir is not None else None

    @property
    def checkout(self) -> Path:
        """Its folder."""
        assert self.settings.dir is not None
        return self.settings.dir.absolute()

    def missing(self) -> list[str]:
        """Missing files of the checkout, each with its origin."""
        return [f"{name} ({origin})" for name, origin in FILES.items() if not (self.checkout / name).is_file()]

    def environment(self, gpu: str = "") -> dict[str, str]:
        """Environment of its programs: their own Python first in ``PATH``, without our settings (they may hold
        keys)."""
        drop = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "FORCE_COLOR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
        env = {k: v for k, v in os.environ.items() if k not in drop and not k.startswith(_OUR_PREFIXES)}
        env["PATH"] = os.pathsep.join([str(self._program().parent), env.get("PATH", os.defpath)])
        # its messages are printed by rich, which wraps them at 80 columns without a terminal
        env |= {"PYTHONUNBUFFERED": "1", "COLUMNS": "1000", "MPLBACKEND": "Agg"}
        if gpu or self.settings.gpu:
            env["CUDA_VISIBLE_DEVICES"] = gpu or self.settings.gpu
        return env

    def start(self, arguments: Sequence[str], what: str, deadline_s: float, gpu: str = "") -> Child:
        """Start its Python with these arguments in the checkout. Raises ``program-failed``."""
        command = [str(self._program()), *arguments]
        return Child(
            command=command,
            cwd=self.checkout,
            env=self.environment(gpu),
            what=what,
            deadline_s=deadline_s,
            quiet_s=self.settings.quiet_s,
        )

    def probe(self) -> DeviceInfo:
        """Query its Python for packages and GPU. Raises ``engine-unavailable`` with the remedy."""
        if lacking := self.missing():
            raise _unavailable("checkout-incomplete", files="; ".join(lacking))
        if not shutil.which("ffmpeg", path=self.environment()["PATH"]):
            raise _unavailable("program-missing", program="ffmpeg")
        answer = ""
        try:
            with self.start(["-c", _PROBE.format(packages=PACKAGES)], "looking at its environment", PROBE_S) as child:
                for line in child.lines():
                    if line.startswith("huasheng-probe "):
                        answer = line.partition(" ")[2]
                child.check()
        except HuashengError as e:
            text = e.params.get("why", e.slug)
            raise _unavailable("python-broken", text=text, variable="RENDER_SYNCTALK_PYTHON") from e
        found = json.loads(answer or "{}")
        if found.get("missing") or not found:
            names = ", ".join(found.get("missing", ["an answer"]))
            raise _unavailable("python-lacks", packages=names)
        if not found["cuda"]:
            raise _unavailable("no-gpu", torch=found["torch"])
        return DeviceInfo(f"cuda:{self.settings.gpu or 0}", found["name"], int(found["memory"]), 0)

    def _program(self) -> Path:
        return Path(shutil.which(self.settings.python) or self.settings.python).absolute()


def _unavailable(cause: str, **params: str) -> HuashengError:
    return HuashengError("engine-unavailable", engine=NAME, cause=cause, **params)
