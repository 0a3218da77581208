"""SyncTalk's two programs as seen from outside: options, files, lines and ways to fail, without any learning.

Written from what the upstream programs take, print and write; the mouth here is a bar as high as the sound is loud.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import time
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import tqdm

FPS = 25
POSE = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]
TASK_LINES = (
    "extract audio",
    "extract images",
    "extract semantics",
    "extract background image",
    "extract torso and gt images",
    "extract face landmarks",
    "perform face tracking",
    "extract flow",
    "extract blendshape",
    "save transforms",
)
BAR = "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
TEST_BAR = "{percentage:3.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def noted(work: str) -> str:
    """Write the call down; the fault to show."""
    with Path("calls.jsonl").open("a") as f:
        f.write(json.dumps([*sys.argv, f"CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', '')}"]) + "\n")
    file = Path("faults.json")
    faults = json.loads(file.read_text()) if file.is_file() else {}
    kind: str = faults.get(work, "")
    if kind.startswith("once:"):
        del faults[work]
        file.write_text(json.dumps(faults))
    return kind.removeprefix("once:")


def go_wrong(kind: str) -> None:
    """The ways to fail that all programs share."""
    if kind == "crash":
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
    if kind == "memory":
        sys.exit("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.69 GiB total)")
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hang":
        # as os.system does, and one that has left the group
        for leaves in (False, True):
            left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=leaves)
            with Path("pids.txt").open("a") as f:
                f.write(f"{left.pid}\n")
        time.sleep(600)


def process() -> int:
    """``data_utils/process.py``: makes one kind of files per task, and ends well whatever its own programs did."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--task", type=int, default=-1)
    parser.add_argument("--asr", default="ave")
    opt = parser.parse_args()
    base = Path(opt.path).parent
    for name in ("ori_imgs", "parsing", "gt_imgs", "torso_imgs", "face_mask", "flow_result"):
        (base / name).mkdir(exist_ok=True)
    for task in range(1, 11):
        if opt.task in (-1, task):
            say(f"[INFO] ===== {TASK_LINES[task - 1]} =====")
            kind = noted(f"task{task}")
            if kind == "nothing":
                say("sh: 1: something: not found")
                continue
            go_wrong(kind)
            _task(task, base, Path(opt.path), kind == "some")
    return 0


def _task(task: int, base: Path, video: Path, some: bool) -> None:
    numbers = sorted(int(p.stem) for p in (base / "ori_imgs").glob("*.jpg"))
    if task == 1:
        _wav(video, base / "aud.wav")
    elif task == 2:
        _split(video, base / "ori_imgs")
    elif task in (3, 5, 6):
        for n in tqdm.tqdm(numbers[: len(numbers) // 2] if some else numbers):
            _of_picture(task, base, n)
    elif task == 4:
        (base / "bc.jpg").write_bytes((base / "ori_imgs" / "0.jpg").read_bytes())
    elif task == 7:
        (base / "track_params.pt").write_bytes(b"params")
        say("face tracking params saved")
    elif task == 8:
        for n in numbers:
            (base / "flow_result" / f"2_{n}.npy").write_bytes(b"flow")
        (base / "bundle_adjustment.pt").write_bytes(b"params")
    elif task == 9:
        (base / "bs.npy").write_bytes(b"blendshapes")
    else:
        split = int(len(numbers) * 10 / 11)
        for name, part in (("train", numbers[:split]), ("val", numbers[split:])):
            frames = [{"img_id": n, "aud_id": n, "transform_matrix": POSE} for n in part]
            lens: dict[str, Any] = {"focal_len": 1200.0, "cx": 256.0, "cy": 256.0, "frames": frames}
            (base / f"transforms_{name}.json").write_text(json.dumps(lens))


def _of_picture(task: int, base: Path, n: int) -> None:
    if task == 3:
        for name in (f"{n}.png", f"{n}_face.png"):
            (base / "parsing" / name).write_bytes(b"png")
    elif task == 5:
        (base / "gt_imgs" / f"{n}.jpg").write_bytes((base / "ori_imgs" / f"{n}.jpg").read_bytes())
        (base / "torso_imgs" / f"{n}.png").write_bytes(b"png")
        (base / "face_mask" / f"{n}.png").write_bytes(b"png")
    else:
        (base / "ori_imgs" / f"{n}.lms").write_text("0 0\n" * 68)


def _wav(video: Path, to: Path) -> None:
    from services.common.audio import decode, wav_bytes

    to.write_bytes(wav_bytes(decode(video, 16000), 16000))


def _split(video: Path, to: Path) -> None:
    import av

    with av.open(str(video)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            _write_jpg(to / f"{i}.jpg", frame.to_ndarray(format="bgr24"))


def _write_jpg(path: Path, bgr: Any) -> None:
    import cv2

    cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])


def main() -> int:
    """``main.py``: trains in epochs of one step a frame, or draws."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    for name in ("-O", "--test", "--test_train", "--portrait", "--finetune_lips"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--workspace", default="workspace")
    parser.add_argument("--iters", type=int, default=200000)
    parser.add_argument("--ckpt", default="latest")
    parser.add_argument("--preload", type=int, default=0)
    parser.add_argument("--patch_size", type=int, default=1)
    parser.add_argument("--aud", default="")
    parser.add_argument("--asr_model", default="deepspeech")
    opt = parser.parse_args()
    say(opt)
    if opt.asr_model != "ave":
        raise FileNotFoundError("aud_ds.npy")
    work = Path(opt.workspace)
    (work / "checkpoints").mkdir(parents=True, exist_ok=True)
    return _draw(opt, work) if opt.test else _train(opt, work)


def _epoch(opt: argparse.Namespace, work: Path) -> int:
    found = sorted((work / "checkpoints").glob("ngp_ep*.pth"))
    path = Path(opt.ckpt) if opt.ckpt != "latest" else found[-1] if found else None
    if path is None:
        say("[WARN] No checkpoint found, model randomly initialized.")
        return 0
    with zipfile.ZipFile(path) as z:  # as torch.load does: a file that is not whole is an error
        epoch = int(z.read("epoch"))
    say("[INFO] loaded model.")
    say(f"[INFO] load at epoch {epoch}, global step {epoch}")
    return epoch


def _frames(path: str, kind: str) -> list[dict[str, Any]]:
    listed: dict[str, Any] = json.loads((Path(path) / f"transforms_{kind}.json").read_text())
    frames: list[dict[str, Any]] = listed["frames"]
    say(f"[INFO] load {len(frames)} {kind} frames.")
    for f in tqdm.tqdm(frames, desc=f"Loading {kind} data"):
        for name in (f"gt_imgs/{f['img_id']}.jpg", f"ori_imgs/{f['img_id']}.lms", f"torso_imgs/{f['img_id']}.png"):
            (Path(path) / name).stat()
    return frames


def _train(opt: argparse.Namespace, work: Path) -> int:
    kind = noted("train2" if opt.finetune_lips else "train")
    begun = _epoch(opt, work)
    frames, held = _frames(opt.path, "train"), _frames(opt.path, "val")
    (work / "opt.txt").write_text(str(opt))
    last = math.ceil(opt.iters / len(frames))
    say(f"[INFO] max_epoch = {last}")
    for epoch in range(begun + 1, last + 1):
        if kind == "nothing":
            return 0
        say(f"==> Start Training Epoch {epoch}, lr=0.010000 ...")
        bar = tqdm.tqdm(total=len(frames), mininterval=0, bar_format=BAR)
        for step in range(len(frames)):
            loss = float("nan") if kind == "nan" else 0.1 / (epoch + step / len(frames))
            bar.set_description(f"loss={loss:.4f} ({loss:.4f}), lr=0.009980")
            bar.update(1)
            if step == len(frames) // 2 and epoch == begun + 2:
                if kind == "torn":  # ended while it wrote
                    (work / "checkpoints" / f"ngp_ep{epoch:04d}.pth").write_bytes(b"PK\x03\x04 half a file")
                    os.kill(os.getpid(), signal.SIGKILL)
                go_wrong(kind)
            time.sleep(0.0005 if kind != "slow" else 0.05)
        bar.close()
        say(f"==> Finished Epoch {epoch}.")
        with zipfile.ZipFile(work / "checkpoints" / f"ngp_ep{epoch:04d}.pth", "w") as z:
            z.writestr("epoch", str(epoch))
            z.writestr("run", "lips" if opt.finetune_lips else "head")
        _evaluate(opt, work, held, epoch)
    return 0


def _evaluate(opt: argparse.Namespace, work: Path, held: list[dict[str, Any]], epoch: int) -> None:
    say(f"++> Evaluate at epoch {epoch} ...")
    (work / "validation").mkdir(exist_ok=True)
    bar = tqdm.tqdm(total=len(held), bar_format=BAR)
    for step, f in enumerate(held, 1):
        picture = (Path(opt.path) / "gt_imgs" / f"{f['img_id']}.jpg").read_bytes()
        (work / "validation" / f"ngp_ep{epoch:04d}_{step:04d}_rgb.png").write_bytes(picture)
        bar.set_description("loss=0.0100 (0.0100)")
        bar.update(1)
    bar.close()
    for line in (f"PSNR = {30 + epoch / 10:.6f}", "LPIPS (alex) = 0.039400", "LMD (fan) = 2.822000"):
        say(line)
    say(f"++> Evaluate epoch {epoch} Finished.")


def _draw(opt: argparse.Namespace, work: Path) -> int:
    import av
    import cv2
    import numpy as np

    from services.common.audio import decode

    kind = noted("draw")
    epoch = _epoch(opt, work)
    if kind == "random":
        say("[WARN] No checkpoint found, model randomly initialized.")
    if kind == "unfit":
        say("[WARN] missing keys: ['aud_net.fc.weight']")
    frames = _frames(opt.path, "train")
    sound = np.asarray(decode(Path(opt.aud), 16000), np.float32)
    mel = 1 + len(sound) // 200
    if mel < 16:
        say("[ERROR] If do not use Audio Visual Encoder, replace it with the npy file path.")
        raise UnboundLocalError("local variable 'aud_features' referenced before assignment")
    count = int((mel - 16) / 80.0 * FPS) + 2 + 4
    go_wrong(kind)
    say(f"==> Start Test, save results to {work}/results")
    bar = tqdm.tqdm(total=count, bar_format=TEST_BAR)
    pictures = []
    for i in range(count):
        turn, at = divmod(i, len(frames))
        number = frames[at if turn % 2 == 0 else len(frames) - at - 1]["img_id"]
        picture = cv2.imread(str(Path(opt.path) / "ori_imgs" / f"{number}.jpg"))
        assert picture is not None
        heard = sound[i * 640 : i * 640 + 640]
        high = int(80 * float(np.abs(heard).max(initial=0)))
        h, w = picture.shape[:2]
        picture[h * 3 // 4 - high : h * 3 // 4 + high, w // 2 - 40 : w // 2 + 40] = 30
        pictures.append(picture)
        bar.update(1)
        if i == count // 2:
            go_wrong(kind.removeprefix("half-"))
    bar.close()
    (work / "results").mkdir(exist_ok=True)
    result = work / "results" / f"ngp_ep{epoch:04d}.mp4"
    if kind == "garbage":
        result.write_bytes(b"\0" * 4096)
    elif kind != "nothing":
        if kind == "small":
            pictures = [p[::2, ::2] for p in pictures]
        with av.open(str(result), "w") as out:
            video = out.add_stream("libx264", rate=FPS, options={"crf": "12", "preset": "ultrafast"})
            video.height, video.width = pictures[0].shape[:2]
            video.pix_fmt = "yuv420p"
            for i, p in enumerate(pictures[: count // 2] if kind == "short" else pictures):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(p), format="bgr24")
                frame.pts, frame.time_base = i, Fraction(1, FPS)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
        for beside in ("_depth", "_audio"):
            (work / "results" / f"ngp_ep{epoch:04d}{beside}.mp4").write_bytes(result.read_bytes())
    say("==> Finished Test.")
    return 0
