"""Checkpoints from a bucket, fetched by a program before a service starts."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.common.bucket.fetch import HAVE, fetch
from services.common.storage import Storage
from tests.fakes.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[3]


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != HAVE)


@pytest.fixture
def models(s3: S3Server, tmp_path: Path) -> Storage:
    storage = s3.storage(s3.new_url(), tmp_path / "cache")
    sums = ""
    for name in ("joygen/unet.bin", "musetalk/vae.bin"):
        data = name.encode() * 1000
        storage.put(name, data)
        sums += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
    storage.put("SHA256SUMS", sums.encode())
    return storage


def test_only_what_is_missing_or_changed_is_fetched(models: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    assert len(fetch(models.bucket, folder)) == 3
    assert (folder / "joygen/unet.bin").read_bytes() == b"joygen/unet.bin" * 1000
    assert fetch(models.bucket, folder) == []
    (folder / "musetalk/vae.bin").write_bytes(b"cut short")
    models.put("extra.txt", b"1")
    assert fetch(models.bucket, folder) == ["extra.txt", "musetalk/vae.bin"]


def test_an_address_without_files_is_refused(s3: S3Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no files under s3://media/"):
        fetch(s3.storage(s3.new_url(), tmp_path).bucket, tmp_path / "models")


def test_a_file_with_another_hash_is_refused_and_not_left(models: Storage, tmp_path: Path) -> None:
    models.put("musetalk/vae.bin", b"something else")
    with pytest.raises(ValueError, match=r"musetalk/vae\.bin has the sha256 "):
        fetch(models.bucket, tmp_path / "models")
    assert files(tmp_path / "models") == ["SHA256SUMS", "joygen/unet.bin"]
    models.delete("musetalk")
    with pytest.raises(ValueError, match="is named in SHA256SUMS and is not there"):
        fetch(models.bucket, tmp_path / "models")


def test_the_program_says_what_is_wrong(s3: S3Server, tmp_path: Path) -> None:
    url = s3.new_url()
    env = {**os.environ, **s3.environment(url, tmp_path), "PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}"}

    def run(url: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services.common.bucket.fetch", url, str(tmp_path / "models")]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    wrong = run("s3://nobody")
    assert wrong.returncode == 1
    assert "has no bucket nobody" in wrong.stderr
    s3.storage(url, tmp_path / "cache").put("a/b", b"1")
    assert run(url).returncode == 0
    assert files(tmp_path / "models") == ["a/b"]
