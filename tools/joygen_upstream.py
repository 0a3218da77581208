"""Runs upstream's second and third programs on a made-up scene, for ``tools.joygen_golden_pictures make``.

Detectors, networks and nvdiffrast are stood in for; everything else that runs is upstream's own.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch

ABSENT = (
    "mmpose",
    "mmpose.apis",
    "mmpose.structures",
    "mediapipe",
    "facenet_pytorch",
    "kornia",
    "kornia.geometry",
    "kornia.geometry.camera",
    "nvdiffrast",
    "nvdiffrast.torch",
    "trimesh",
    "matplotlib",
    "matplotlib.pyplot",
    "omegaconf",
    "diffusers",
    "face_parsing",
    "torchvision",
    "utils.face_detection",
    "src.audio2feature",
    "src.modules.vae",
    "src.model_util",
    "deep3d_facerecon.options.test_options",
    "deep3d_facerecon.models.arcface_torch",
    "deep3d_facerecon.models.arcface_torch.backbones",
)
"""What is imported there and not wanted here."""
FOV = 2 * np.rad2deg(np.arctan(112 / 1015))


class Finished(Exception):
    """Raised where upstream would call ffmpeg."""


class _Any(types.ModuleType):
    """A module in which everything can be found and nothing works."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def run(scene: Any, upstream: Path, folder: Path, mean_points: Any, face_68: tuple[int, ...]) -> dict[str, Any]:
    """The quantities of ``tools.joygen_golden_pictures``."""
    sys.path.insert(0, str(upstream))
    for name in ABSENT:
        sys.modules[name] = _Any(name)
        parent, _, child = name.rpartition(".")
        if parent in ABSENT:
            setattr(sys.modules[parent], child, sys.modules[name])
    sys.modules["mediapipe"].solutions = types.SimpleNamespace(face_mesh=None)  # type: ignore[attr-defined]
    models = types.ModuleType("deep3d_facerecon.models")
    models.__path__ = [str(upstream / "deep3d_facerecon/models")]
    models.create_model = None  # type: ignore[attr-defined]
    sys.modules["deep3d_facerecon.models"] = models
    _without_loss()
    frames = folder / "handed/clip/sound/clip"
    frames.mkdir(parents=True)
    _finish_model(folder / "BFM", mean_points)
    out = _second(scene, folder, frames, face_68)
    return out | _third(scene, folder)


def _without_loss() -> None:
    picture = importlib.import_module("PIL.Image").Image
    save: Callable[..., None] = picture.save
    picture.save = lambda self, path: save(self, path, "PNG")


def _finish_model(folder: Path, mean_points: Any) -> None:
    """Add to the made-up 3D face what upstream reads besides."""
    from scipy.io import loadmat, savemat

    path = folder / "BFM_model_front.mat"
    raw = {k: v for k, v in loadmat(str(path)).items() if not k.startswith("__")}
    count = raw["meanshape"].size
    raw |= {
        "meantex": np.full((1, count), 128.0),
        "texBase": np.zeros((count, 80)),
        "keypoints": np.ones((1, 68)),
        "point_buf": np.ones((count // 3, 8)),
    }
    savemat(path, raw)
    points = np.zeros((68, 3))
    for at, which in ((30, 2), (36, 0), (39, 0), (42, 1), (45, 1), (48, 3), (54, 4)):
        points[at] = mean_points[which]
    savemat(folder / "similarity_Lm3D_all.mat", {"lm": points})


def _rasterize(_: Any, corners: Any, triangles: Any, resolution: list[int], ranges: Any) -> tuple[Any, None]:  # noqa: ARG001
    """nvdiffrast's: share of the first two corners (perspective-correct), depth, and number of the triangle."""
    p = corners[0].double().numpy()
    height, width = resolution
    place = (p[:, :2] / p[:, 3:] + 1) / 2 * (width, height)
    out = np.zeros((height, width, 4))
    front = np.full((height, width), np.inf)
    for number, corner in enumerate(triangles.numpy()):
        (ax, ay), (bx, by), (cx, cy) = place[corner]
        whole = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if whole == 0:
            continue
        low = np.maximum(np.floor(place[corner].min(0)).astype(int), 0)
        high = np.minimum(np.ceil(place[corner].max(0)).astype(int), (width, height))
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
        first = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / whole
        second = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / whole
        flat = np.stack([first, second, 1 - first - second])
        share = flat / p[corner, 3, None, None]
        share /= share.sum(0)
        z = (flat * (p[corner, 2] / p[corner, 3])[:, None, None]).sum(0)
        part = np.s_[low[1] : high[1], low[0] : high[0]]
        seen = (flat >= 0).all(0) & (z < front[part])
        front[part][seen] = z[seen]
        out[part][seen] = np.stack([*share[:2], z, np.full_like(z, number + 1)], -1)[seen]
    return torch.from_numpy(out).float()[None], None


def _interpolate(values: Any, raster: Any, triangles: Any) -> tuple[Any, None]:
    number = (raster[0, ..., 3].long() - 1).clamp(min=0)
    corner = values.reshape(-1, values.shape[-1])[triangles.long()[number]]
    u, v = raster[0, ..., 0:1], raster[0, ..., 1:2]
    return (corner[..., 0, :] * u + corner[..., 1, :] * v + corner[..., 2, :] * (1 - u - v))[None], None


def _second(scene: Any, folder: Path, frames: Path, face_68: tuple[int, ...]) -> dict[str, Any]:
    from services.render.engines.joygen.align import five_points

    image = importlib.import_module("PIL.Image")
    drawing = sys.modules["nvdiffrast.torch"]
    drawing.rasterize, drawing.interpolate = _rasterize, _interpolate  # type: ignore[attr-defined]
    drawing.RasterizeCudaContext = lambda device: device  # type: ignore[attr-defined]
    from deep3d_facerecon.models.bfm import ParametricFaceModel
    from deep3d_facerecon.models.facerecon_model import FaceReconModel
    from deep3d_facerecon.util.nvdiffrast import MeshRenderer

    program: Any = importlib.import_module("inference_edit_expression")
    at = {"frame": -1}
    got: dict[str, list[Any]] = {"vertices": [], "landmarks": [], "crop": [], "aligned": [], "depth": []}

    class Model(FaceReconModel):  # type: ignore[misc]
        device = property(lambda _: "cpu", lambda *_: None)
        setup = parallelize = eval = compute_visuals = lambda *_: None

        def __init__(self) -> None:
            self.facemodel = ParametricFaceModel(str(folder / "BFM"), is_train=False)
            self.renderer = MeshRenderer(FOV, 5.0, 15.0, 224, use_opengl=False)
            self.net_recon = lambda _: torch.from_numpy(scene.fitted[at["frame"]][None].copy())

        def set_input(self, data: Any) -> None:
            super().set_input(data)
            got["aligned"].append((data["imgs"][0].permute(1, 2, 0).numpy()[..., ::-1] * 255).round().astype(np.uint8))

        def get_depth_lm468_edit_exp(self, coefficients: Any) -> Any:
            depth, points = super().get_depth_lm468_edit_exp(coefficients)
            with torch.no_grad():
                got["vertices"].append(self.facemodel.compute_for_render(torch.from_numpy(coefficients))[0][0].numpy())
            got["depth"].append(np.array(depth))
            got["landmarks"].append(points[0])
            return depth, points

    def box(_: Any = None) -> Any:
        mesh = scene.meshes[at["frame"]]
        return np.array([*mesh[:, :2].min(0), *mesh[:, :2].max(0)])

    class Mtcnn:
        def __init__(self, **_: Any) -> None: ...

        def detect(self, _: Any, landmarks: bool) -> Any:  # noqa: ARG002
            at["frame"] += 1
            return [box()], [1.0], [five_points(scene.meshes[at["frame"]])]

    class Found:
        @property
        def pred_instances(self) -> Any:
            points = np.zeros((1, 133, 2))
            points[0, 23:91] = scene.meshes[at["frame"]][list(face_68), :2]
            return types.SimpleNamespace(keypoints=points)

    align = program.align_img

    def aligned(*a: Any) -> Any:
        found = align(*a)
        got["crop"].append(found[4][2:5])
        return found

    program.align_img, program.MTCNN, program.create_model = aligned, Mtcnn, lambda _: Model()
    program.init_model = program.inference_topdown = lambda *_, **__: None
    program.merge_data_samples = lambda _: Found()
    program.LandmarksType = types.SimpleNamespace(_2D=None)
    program.FaceAlignment = lambda *_, **__: types.SimpleNamespace(get_detections_for_batch=lambda _: [box()])
    paths = []
    for i, picture in enumerate(scene.pictures):
        paths.append(folder / f"{i:08d}.png")
        image.fromarray(np.ascontiguousarray(picture[..., ::-1])).save(paths[-1])
    options = types.SimpleNamespace(
        bfm_folder=str(folder / "BFM"), gpu_id=0, dwpose_config_file="", dwpose_model_path=""
    )
    program.do_deep3DRecon_for_UNet_edit_exp(
        options, "clip", range(len(paths)), [str(p) for p in paths], scene.spoken, str(frames)
    )
    boxes = [np.load(frames / f"{i}_box.npy") for i in range(len(paths))]
    return {k: np.stack(v) for k, v in got.items()} | {"box": np.stack(boxes).astype(int)}


def _third(scene: Any, folder: Path) -> dict[str, Any]:
    image = importlib.import_module("PIL.Image")
    labels = np.where((scene.labels >= 1) & (scene.labels <= 13), 255, 0).astype(np.uint8)
    sys.modules["face_parsing"].FaceParsing = lambda: lambda _: image.fromarray(labels)  # type: ignore[attr-defined]
    program: Any = importlib.import_module("inference_joygen")
    got: dict[str, list[Any]] = {"lip_depth": [], "pasted": []}
    nothing = torch.zeros(1, 4, 32, 32)

    class Vae:
        def __init__(self, **_: Any) -> None: ...

        def get_latents_for_unet(self, _: Any) -> Any:
            return nothing.repeat(1, 2, 1, 1), None

        def get_latents_for_nomask(self, picture: Any) -> Any:
            got["lip_depth"].append(picture[..., 0].copy())
            return nothing

        def decode_latents(self, _: Any) -> Any:
            return np.stack(scene.faces)

    class Sound:
        def __init__(self, **_: Any) -> None: ...

        def audio2feat(self, _: Any) -> Any:
            return np.zeros((len(scene.faces), 5, 384))

        def feature2chunks(self, feature_array: Any, fps: float) -> Any:  # noqa: ARG002
            return [np.zeros((50, 384))] * len(feature_array)

    class Unet:
        device, dtype = "cpu", torch.float32
        to = from_pretrained = classmethod(lambda cls, *_, **__: cls())
        __call__ = lambda *_, **__: types.SimpleNamespace(sample=None)  # noqa: E731

    def finished(_: str) -> NoReturn:
        raise Finished

    class Seen:
        """A module with some of its names replaced."""

        def __init__(self, module: Any, **other: Any) -> None:
            self.__dict__.update({"_module": module} | other)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._module, name)

    cpu = torch.device("cpu")
    program.torch = Seen(torch, device=lambda *_: cpu)
    program.cv2 = Seen(program.cv2, imwrite=lambda _, picture: got["pasted"].append(picture.copy()))
    program.os = Seen(program.os, system=finished)
    program.VAE, program.Audio2Feature, program.UNet2DConditionModel = Vae, Sound, Unet
    args = types.SimpleNamespace(
        gpu_id=0,
        whisper_model_path="",
        vae_model_path="",
        img_size=256,
        unet_model_path="",
        video_path="clip.mp4",
        audio_path="sound.wav",
        intermediate_dir=str(folder / "handed"),
        result_dir=str(folder / "result"),
        fps=25,
        enable_pose_driven=True,
        batch_size=8,
    )
    with contextlib.suppress(Finished):
        program.main(args)
    black, white = np.zeros_like(scene.pictures[0]), np.full_like(scene.faces[0], 255)
    blending = sys.modules["utils.blending"]
    masks = []
    for i in range(len(scene.faces)):
        x0, y0, x1, y1 = (int(v) for v in np.load(folder / f"handed/clip/sound/clip/{i}_box.npy"))
        masks.append(blending.get_image(black, white[: y1 - y0, : x1 - x0], (x0, y0, x1, y1))[..., 1])
    return {k: np.stack(v) for k, v in got.items()} | {"mask": np.stack(masks)}
