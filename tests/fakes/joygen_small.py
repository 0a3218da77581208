"""A checkpoint folder of the smallest networks that still have every part: for tests that draw hundreds of frames."""

from pathlib import Path

from services.render.engines.joygen.checkpoints import A2M, HUBERT, RECON
from services.render.engines.joygen.nets.a2m import A2mConfig
from services.render.engines.joygen.nets.hubert import HubertConfig
from services.render.engines.joygen.nets.unet import UNetConfig
from services.render.engines.joygen.nets.vae import VaeConfig
from tests.fakes.joygen_face import write_bfm
from tests.fakes.joygen_weights import write_a2m, write_hubert, write_recon, write_unet, write_vae, write_whisper

SOUND = 32
"""Size of the sound's features; 384 in the published networks."""
VAE = VaeConfig(channels=(4, 4, 4, 4), layers=0, groups=4)


def write_small(folder: Path, kind: str, depth: bool = True, seed: int = 0) -> Path:
    """Networks of ``kind`` without the face parser; ``depth`` adds what the 3D face needs."""
    unet = UNetConfig(channels=(8, 8, 8, 8), layers=1, groups=4, context=SOUND, heads=1)
    write_unet(folder, unet, kind, seed)
    vae = "sd-vae-ft-mse" if kind == "joygen" else "sd-vae"
    write_vae(folder / vae, VAE, seed + 1)
    write_whisper(folder / "whisper", (80, 1500, SOUND, 2, 1), kind, seed + 2)
    if kind == "joygen" and depth:
        write_a2m((folder / A2M), A2mConfig(audio=64, feat=16, hidden=32, flow_hidden=16), seed + 3)
        hubert = HubertConfig(size=64, inner=128, layers=2, heads=4, conv_size=16, pos_kernel=16, pos_groups=4)
        write_hubert(folder / HUBERT, hubert, seed + 4)
        write_recon((folder / RECON).parent, 8, seed + 5)
        write_bfm(folder / "BFM")
    return folder
