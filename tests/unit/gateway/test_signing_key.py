"""The key that signs media links: whole or not at all."""

import logging
import os
from pathlib import Path

import pytest

from services.gateway.media.signing import load_secret
from services.gateway.settings import GatewaySettings


@pytest.mark.parametrize("kept", [b"", b"\n", b"abc", b"0" * 31])
def test_a_key_that_was_cut_short_is_replaced_and_said(
    tmp_path: Path, kept: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret").write_bytes(kept)
    with caplog.at_level(logging.WARNING):
        made = load_secret(GatewaySettings(data_dir=tmp_path))
    assert len(made) == 64
    assert "cut short" in caplog.text
    assert load_secret(GatewaySettings(data_dir=tmp_path)) == made == (tmp_path / "secret").read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_no_empty_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SystemExit, match=r"secret.*No space left"):
        load_secret(GatewaySettings(data_dir=tmp_path))
    assert not list(tmp_path.iterdir())
