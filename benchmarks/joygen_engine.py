"""A few pictures through the whole engine ``joygen``, and the same through upstream's way of working, in one run.

    python -m benchmarks.joygen_engine CLIP SOUND [--frames 3] [--weights FOLDER] [--size full] [--compare]

Without ``--weights`` the networks are random, of the real sizes (``--size tiny`` for small ones) and with a made-up 3D
face. Seconds are CPU time on the CPU and wall time on a GPU; the first picture comes in a batch of two. The lines of
single networks count the request alone.

Upstream's way: three programs one after the other for each request, each loading its networks anew (fp32); sound,
then faces and depth, then drawing; pictures handed over as JPEG files, the finished ones as PNG; the video is there
when all of it is. Here it runs in this process and with our networks and our face mesh, so the three starts of Python
and upstream's three detectors are not counted against it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from services.common.audio import decode as read_sound
from services.common.settings import SharedSettings, load
from services.common.weights import folder
from services.render.engines.joygen import checkpoints
from services.render.engines.joygen.align import align_crop, face_box, five_points
from services.render.engines.joygen.audio import WhisperFeatures
from services.render.engines.joygen.bfm import EXPRESSION, SIDE, Bfm, project
from services.render.engines.joygen.depth import Placement, grey_depth, lip_depth
from services.render.engines.joygen.engine import JoygenEngine
from services.render.engines.joygen.expression import ExpressionStream
from services.render.engines.joygen.nets.vae import decode, encode
from services.render.engines.joygen.paste import face_mask, paste_face
from services.render.engines.joygen.prepare import face_in
from services.render.engines.joygen.rasteriser import rasterise
from services.render.engines.joygen.settings import Settings
from services.render.face.landmarks import Tracker
from services.render.media.read import read_frames
from services.render.media.write import EncoderOptions, to_bgr, to_yuv, write_loop
from services.render.settings import RenderSettings
from services.render.types import Frame, Image, SessionConfig

RATE, FPS, BATCH = 16000, 25, 8
SKIP_S = 1.0
"""Of the sound: its beginning may be silent."""
Bytes = npt.NDArray[np.uint8]


@dataclass
class Clock:
    """Seconds by stage, and by network within the stages."""

    cuda: bool
    stages: dict[str, float] = field(default_factory=dict)
    networks: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def now(self) -> float:
        """CPU seconds of the process, or wall seconds with the device's work done."""
        if self.cuda:
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = self.now()
        yield
        self.stages[name] = self.now() - start

    def watch(self, **nets: torch.nn.Module | None) -> None:
        """Count the time of calls of the networks, whoever makes them."""
        begun = threading.local()
        for name, net in nets.items():
            if net is None:
                continue

            def before(*_: Any, name: str = name) -> None:
                setattr(begun, name, self.now())

            def after(*_: Any, name: str = name) -> None:
                self.networks[name] += self.now() - getattr(begun, name)

            net.register_forward_pre_hook(before)
            net.register_forward_hook(after)

    def tell(self, title: str, frames: int) -> None:
        """Print stages, then networks, each for a request and for a picture."""
        print(f"\n{title:34s}{'s':>9s}{'s/picture':>12s}")
        for name, seconds in [*self.stages.items(), *((f"  of it {n}", s) for n, s in self.networks.items())]:
            print(f"{name:34s}{seconds:9.2f}{seconds / frames:12.2f}")


@dataclass
class Work:
    """What is drawn, and with what."""

    root: Path
    """The folder ``joygen`` of weights lies in it."""
    mesh: Path
    clip: Path
    sound: npt.NDArray[np.float32]
    """At 16 kHz, ``frames`` pictures long."""
    frames: int
    device: str

    @property
    def weights(self) -> Path:
        """The published files."""
        return self.root / "joygen"


def by_engine(work: Work, scratch: Path, clock: Clock) -> list[Image]:
    """Load, prepare, then two requests of the same sound: one that is drawn whole, one timed to its first picture."""
    mesh_root = work.mesh.parent
    engine = JoygenEngine(
        Settings(models_dir=work.root, device=work.device, dtype="fp32", max_batch=BATCH),
        SharedSettings(weights_dir=mesh_root, threads=torch.get_num_threads()),
        RenderSettings().model_copy(update={"max_avatar_s": work.frames / FPS}),
    )
    with clock.stage("load, once for the service"):
        engine.load()
    try:
        avatar = scratch / "avatars" / "one"
        avatar.mkdir(parents=True)
        with clock.stage("prepare, once for the avatar"):
            report = engine.prepare(work.clip, "video", avatar, lambda *_: None, lambda: False)
        artist, _ = engine._ready()
        bundle = artist.bundle
        clock.watch(
            whisper=bundle.whisper,
            unet=bundle.unet,
            encode_depth=bundle.vae.encoder,
            decode=bundle.vae.decoder,
            hubert=bundle.hubert,
            expression=bundle.a2m,
        )
        session = engine.open_session(avatar, SessionConfig(RATE))
        pictures: list[Image] = []
        start = clock.now()
        with clock.stage("request, drawn"):
            for stream in (session.push(work.sound), session.finish()):
                for frame in stream:
                    if not pictures:
                        first = clock.now() - start
                    pictures += [frame.image] if isinstance(frame, Frame) else []
        session.close()
        clock.stages["request, to the first picture"] = first
        with clock.stage("request, encoded"):
            encoded(scratch / "engine.mp4", pictures)
        print(f"{engine.description}; avatar {report.width}x{report.height}, {report.frames} frames")
        return pictures
    finally:
        engine.close()


def by_three_passes(work: Work, scratch: Path, clock: Clock) -> list[Image]:
    """The same request as upstream serves it; returns the finished pictures, read back from their files."""
    handed = scratch / "handed"
    handed.mkdir()
    with clock.stage("pass 1: sound to expressions"):
        _first_pass(work, handed)
    with clock.stage("pass 2: faces and depth"):
        _second_pass(work, handed)
    with clock.stage("pass 3: drawing and pasting"):
        _third_pass(work, handed)
    with clock.stage("encoding"):
        pictures = [to_yuv(read(handed / f"{i}_edit.png")) for i in range(work.frames)]
        encoded(scratch / "passes.mp4", pictures)
    return pictures


def _path(work: Work, name: str) -> Path:
    names = (checkpoints.REQUIRED["joygen"] | checkpoints.OPTIONAL["joygen"])[name]
    found = checkpoints.find_file(work.weights, names)
    assert found, f"{name} is missing"
    return found


def _first_pass(work: Work, handed: Path) -> None:
    a2m = checkpoints.load_a2m(_path(work, "a2m")).to(work.device)
    hubert = checkpoints.load_hubert(_path(work, "hubert")).to(work.device)
    stream = ExpressionStream(a2m, hubert, live=False)
    stream.push(work.sound)
    np.save(handed / "expressions.npy", stream.finish()[: work.frames])


def _second_pass(work: Work, handed: Path) -> None:
    recon = checkpoints.load_recon(_path(work, "recon")).to(work.device)
    bfm, tracker = Bfm.load(work.weights / "BFM", work.device), Tracker(work.mesh)
    expressions = torch.from_numpy(np.load(handed / "expressions.npy"))
    for i, (_, picture) in enumerate(read_frames(work.clip, FPS, None, work.frames / FPS)):
        if i == work.frames:
            break
        mesh = tracker.next(picture)
        assert mesh is not None, "no face"
        height, width = picture.shape[:2]
        crop, box = align_crop(five_points(mesh), width, height), face_box(mesh, height)
        aligned = torch.from_numpy(np.ascontiguousarray(crop.cut(picture)[..., ::-1]))
        coefficients = recon(aligned.to(work.device).permute(2, 0, 1)[None].float() / 255)
        vertices = bfm.vertices(coefficients)  # drawn too, though nobody looks at it
        grey_depth(rasterise(project(vertices), vertices[..., 2], bfm.triangles, SIDE, SIDE))
        coefficients[:, EXPRESSION] = expressions[i].to(work.device)
        depth = lip_depth(bfm, coefficients, [Placement(crop, box)])[0].cpu().numpy().astype(np.uint8)
        write(handed / f"{i}_ori.jpg", picture)
        write(handed / f"{i}_face.jpg", face_in(picture, box))
        write(handed / f"{i}_depth.jpg", depth)
        np.save(handed / f"{i}_box.npy", box)
        np.save(handed / f"{i}_mesh.npy", mesh)


def _third_pass(work: Work, handed: Path) -> None:
    whisper = checkpoints.load_whisper(_path(work, "whisper")).to(work.device)
    vae = checkpoints.load_vae(_path(work, "vae")).to(work.device)
    unet = checkpoints.load_unet(_path(work, "unet")).to(work.device)
    parsing = checkpoints.load_parsing(_path(work, "parsing")).to(work.device)
    features = WhisperFeatures(whisper, "joygen", live=False)
    features.push(work.sound)
    features.finish()
    latents = []
    for i in range(work.frames):
        face, depth = (tensor(read(handed / f"{i}_{kind}.jpg"), work.device) for kind in ("face", "depth"))
        upper = face.clone()
        upper[:, :, 128:] = -1
        latents.append(torch.cat([encode(vae, x) for x in (upper, face, depth)], 1))
    drawn: list[Bytes] = []
    for start in range(0, work.frames, BATCH):
        some = range(start, min(work.frames, start + BATCH))
        sound = torch.from_numpy(np.stack([features.rows(i) for i in some])).to(work.device)
        images = decode(vae, unet(torch.cat([latents[i] for i in some]), sound))
        levels = ((images / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        drawn += list(np.ascontiguousarray(levels[..., ::-1]))

    def parse(picture: Bytes) -> Bytes:
        unit = tensor(picture, work.device) / 2 + 0.5
        return np.asarray(parsing(unit)[0].cpu().numpy(), np.uint8)

    for i, new in enumerate(drawn):
        picture, box = read(handed / f"{i}_ori.jpg"), tuple(np.load(handed / f"{i}_box.npy").tolist())
        mask = face_mask(picture, box, np.load(handed / f"{i}_mesh.npy"), parse)
        write(handed / f"{i}_edit.png", to_bgr(paste_face(to_yuv(picture), new, box, mask)))


def tensor(picture: Bytes, device: str) -> torch.Tensor:
    """A BGR picture as RGB in -1..1, [1, 3, H, W]."""
    rgb = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1])).to(device)
    return rgb.permute(2, 0, 1)[None].float() / 127.5 - 1


def read(path: Path) -> Bytes:
    """A picture file as BGR."""
    picture = cv2.imread(str(path))
    assert picture is not None, path
    return np.asarray(picture, np.uint8)


def write(path: Path, picture: Bytes) -> None:
    """A picture file; the ending says which kind."""
    assert cv2.imwrite(str(path), picture), path


def encoded(path: Path, pictures: list[Image]) -> None:
    """Pictures as an MP4."""
    height, width = pictures[0].shape[0] * 2 // 3, pictures[0].shape[1]
    write_loop(path, iter(pictures), (width, height), FPS, EncoderOptions())


def made_up(into: Path, size: str) -> None:
    """Random networks in the published layout, with a made-up 3D face."""
    from tests.fakes import joygen_face, joygen_weights

    joygen_weights.write(into, "joygen", size=size)
    joygen_face.write_bfm(into / "BFM")


def compare(work: Work, scratch: Path, both: bool) -> dict[str, list[Image]]:
    """Run and print; the pictures of each way."""
    cuda = work.device != "cpu"
    found: dict[str, list[Image]] = {}
    ways: dict[str, Callable[[Work, Path, Clock], list[Image]]] = {"engine": by_engine}
    if both:
        ways["three passes"] = by_three_passes
    totals = {}
    for name, way in ways.items():
        clock, start = Clock(cuda), time.perf_counter()
        with torch.inference_mode():
            found[name] = way(work, scratch, clock)
        clock.tell(name, work.frames)
        print(f"wall time of all of it: {time.perf_counter() - start:.0f} s, with whatever else this machine was doing")
        totals[name] = clock.stages
    drawn = totals["engine"]["request, drawn"] + totals["engine"]["request, encoded"]
    print(f"\nengine: {work.frames / drawn:.3f} pictures a second, first picture after ", end="")
    print(f"{totals['engine']['request, to the first picture']:.1f} s")
    if both:
        passes = sum(totals["three passes"].values())
        print(f"three passes: {work.frames / passes:.3f} pictures a second, first picture after {passes:.1f} s")
        print(f"one request: {passes / drawn:.1f} times the engine's cost")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB in the process, at most")
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("clip", type=Path)
    parser.add_argument("sound", type=Path)
    parser.add_argument("--frames", type=int, default=3, help="of the clip that are prepared, and that are drawn")
    parser.add_argument("--weights", type=Path, help="folder named joygen with the published files; else random ones")
    parser.add_argument("--size", choices=("tiny", "full"), default="full", help="of random networks")
    parser.add_argument("--compare", action="store_true", help="upstream's way of working too")
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--keep", type=Path, help="folder for the pictures drawn")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sound = read_sound(args.sound, RATE)[int(SKIP_S * RATE) :][: args.frames * RATE // FPS]
    mesh = folder("face-mesh", load(SharedSettings).weights_dir)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        root = args.weights.parent if args.weights else scratch
        if args.weights is None:
            made_up(scratch / "joygen", args.size)
        work = Work(root, mesh, args.clip, sound, args.frames, args.device)
        for way, pictures in compare(work, scratch, args.compare).items():
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                for i, picture in enumerate(pictures):
                    write(args.keep / f"{way.replace(' ', '-')}-{i}.png", to_bgr(picture))


if __name__ == "__main__":
    main()
