"""What `make weights ENGINE=joygen` says."""

import gc
import sys
import weakref
from pathlib import Path

import pytest
import torch

from services.render.engines.joygen.checkpoints import OPTIONAL, REQUIRED, load_bundle
from services.render.engines.joygen.weights import CHECKS, check_weights, main, manifest
from tests.fakes import joygen_weights
from tests.fakes.joygen_small import VAE, write_small


def test_an_empty_folder_says_what_to_get_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["weights", "musetalk", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    text = capsys.readouterr().out
    assert ended.value.code == 1 and "musetalk cannot start: unet, vae, whisper" in text
    for part in manifest()["musetalk"].values():
        assert part["source"] in text and part["licence"] in text and part["files"][0] in text


def test_states(tmp_path: Path) -> None:
    joygen_weights.write(tmp_path)
    (tmp_path / "sd-vae-ft-mse/config.json").unlink()
    path = tmp_path / "face-parse-bisent/79999_iter.pth"
    path.write_bytes(path.read_bytes()[:5000])
    (tmp_path / "face_recon_feat0.2_augment/epoch_20.pth").unlink()
    states = {p.name: p.state for p in check_weights("joygen", tmp_path)}
    assert states["unet"] == states["a2m"] == states["hubert"] == "ok"
    assert states["vae"] == "wrong: sd-vae-ft-mse/config.json is missing"
    assert states["recon"] == states["bfm"] == "missing"
    assert states["parsing"].startswith("wrong: ") and str(path) in states["parsing"]
    assert "sha256 should be 65147644" in states["whisper"]


def test_the_manifest_lists_what_is_loaded() -> None:
    for engine, parts in manifest().items():
        assert set(parts) == set(REQUIRED[engine]) | set(OPTIONAL[engine]) | ({"bfm"} if engine == "joygen" else set())
        assert set(parts) <= set(CHECKS)
        for name, part in parts.items():
            assert bool(part.get("optional")) == (name not in REQUIRED[engine])


def test_two_engines_keep_one_copy_of_what_they_have_in_common(tmp_path: Path) -> None:
    joygen = load_bundle(write_small(tmp_path / "joygen", "joygen", depth=False))
    write_small(tmp_path / "musetalk", "musetalk")
    musetalk = load_bundle(tmp_path / "musetalk")
    assert joygen.vae is musetalk.vae  # from two files with two sets of names
    assert joygen.whisper is musetalk.whisper
    assert joygen.unet is not musetalk.unet
    half = load_bundle(tmp_path / "musetalk", dtype=torch.bfloat16)
    assert half.vae is not joygen.vae and next(half.vae.parameters()).dtype == torch.bfloat16
    joygen_weights.write_vae(tmp_path / "musetalk/sd-vae", VAE, seed=8)
    assert load_bundle(tmp_path / "musetalk").vae is not joygen.vae
    gone = weakref.ref(joygen.vae)
    del joygen, musetalk
    gc.collect()
    assert gone() is None  # nobody's copy does not stay
