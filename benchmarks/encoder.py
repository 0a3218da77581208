"""What writing the video costs: conversion, H.264, AAC and muxing, in milliseconds a frame on one core.

    python -m benchmarks.encoder [--clip FILE]

Without a clip the pictures are the built-in portrait swaying, which is easier to encode than a person on a camera.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import cv2
import numpy as np

from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.media.read import read_frames, read_image
from services.render.media.write import EncoderOptions, FragmentedMp4
from services.render.types import Image

SIZES = ((512, 512), (1080, 1080), (1920, 1080))
FPS, RATE, FRAMES = 25, 24000, 100


def pictures(clip: Path | None, size: tuple[int, int]) -> list[Image]:
    """``FRAMES`` pictures of a size, BGR."""
    if clip:
        read = [p for _, p in read_frames(clip, limit_s=FRAMES / FPS)]
        read = (read * FRAMES)[:FRAMES]
    else:
        still = read_image(folder("portrait", SharedSettings().weights_dir) / "portrait.png")
        moves = [np.array([[1, 0, 3 * np.sin(i / 9)], [0, 1, 2 * np.sin(i / 13)]]) for i in range(FRAMES)]
        read = [cv2.warpAffine(still, m, (512, 512), borderMode=cv2.BORDER_REPLICATE) for m in moves]
    return [np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in read]


def main() -> None:
    """Print one line for each size, form of picture and mode."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--clip", type=Path)
    clip = parser.parse_args().clip
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    noise = np.random.default_rng(1).normal(0, 0.1, RATE // FPS).astype(np.float32)
    for size in SIZES:
        bgr = pictures(clip, size)
        forms = {"bgr": bgr, "yuv420p": [np.asarray(cv2.cvtColor(p, cv2.COLOR_BGR2YUV_I420), np.uint8) for p in bgr]}
        for form, images in forms.items():
            for live in (False, True):
                mp4 = FragmentedMp4(*size, FPS, RATE, EncoderOptions(live=live))
                written, start = len(mp4.head()), time.process_time()
                for image in images:
                    mp4.add_audio(noise)
                    written += len(mp4.add_frame(image))
                written += len(mp4.finish())
                cost = (time.process_time() - start) / FRAMES * 1000
                rate = written * 8 * FPS / FRAMES / 1000
                mode = "live" if live else "offline"
                print(f"{size[0]}x{size[1]} {form:8} {mode:8} {cost:6.2f} ms/frame {rate:7.0f} kbit/s")


if __name__ == "__main__":
    main()
