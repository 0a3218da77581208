"""What a face restorer costs a picture, beside its network.

    python -m benchmarks.restore [MODEL.onnx]

CPU milliseconds on one core, on the built-in avatar at 512 px: finding the face in its own pictures, once for all its
videos; then, for each drawn picture, taking the face out and bringing back what changed. The network is that of MODEL,
or one for each side that does nothing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from huasheng.render.v1 import render_pb2 as pb

from services.common import weights
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.render.avatars import builtin
from services.render.avatars.derived import Derived
from services.render.avatars.prepare import Preparer
from services.render.avatars.store import AvatarStore
from services.render.engines.atlas.engine import AtlasEngine
from services.render.media.write import EncoderOptions
from services.render.restore.places import PlaceMaker
from services.render.restore.restorer import Restorer
from services.render.settings import RenderSettings
from services.render.types import Frame, SessionConfig
from tests.fakes.restorers import identity

SECONDS = 2.0


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder:
        models = [model] if model else [identity(Path(folder) / f"nothing-{s}.onnx", s) for s in (256, 512, 1024)]
        measure(Path(folder), models)


def measure(folder: Path, models: list[Path]) -> None:
    """Prepare the avatar, draw some pictures, and restore them with each model."""
    shared = SharedSettings(storage_url=f"file://{folder}/storage", threads=1)
    engine = AtlasEngine(None, shared, RenderSettings())
    engine.load()
    store = AvatarStore(Storage(shared.storage_url, shared))
    preparer = Preparer(store, EncoderOptions(live=True))
    with builtin.framed(weights.folder("portrait", shared.weights_dir) / "portrait.png") as source:
        record = preparer.prepare(engine, source, "local", "ann", "Ann", lambda *_: None, lambda: False)
    with store.engine_files(record) as files:
        pictures = partial(engine.source_pictures, files)
        some = PlaceMaker(Derived(store, record), lambda: islice(pictures(), 50), shared.weights_dir)
        started = time.process_time()
        found = sum(1 for _ in some.make())
        print(f"finding the face: {1000 * (time.process_time() - started) / found:.0f} ms a source picture")
        session = engine.open_session(files, SessionConfig(16000, has_phonemes=True))
        drawn = [*session.push(np.zeros(round(16000 * SECONDS), np.float32)), *session.finish()]
        frames = [f for f in drawn if isinstance(f, Frame) and f.source < found]
        for path in models:
            restorer = Restorer(RenderSettings(restorer_model=str(path), restorer_licence="none"), 1)
            restorer.load()
            about = (pb.RenderConfig(restore=True), store, record, pictures, shared.weights_dir)
            restoring, network = restorer.restoring(*about), restorer.check()
            assert restoring
            restoring.restored(frames[0])
            started = time.process_time()
            for frame in frames:
                restoring.restored(frame)
            whole = (time.process_time() - started) / len(frames)
            face = np.zeros((3, network.side, network.side), np.float32)
            started = time.process_time()
            for _ in range(5):
                network.restored(face)
            alone = (time.process_time() - started) / 5
            own, net = (f"{1000 * t:.0f} ms" for t in (whole - alone, alone))
            print(f"{path.stem}, side {network.side}: {own} a picture beside the network's {net}")


if __name__ == "__main__":
    main()
