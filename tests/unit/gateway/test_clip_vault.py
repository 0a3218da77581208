"""Consent clips at rest: unreadable without the secret, and bound to their consent."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.errors import HuashengError
from services.common.storage import Storage
from services.gateway.accounts.clip_vault import ClipVault, clip_secret

CLIP = b"a film of somebody who says a number" * 40


def test_a_clip_comes_back_and_lies_unreadable(tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path}")
    storage.put("assets/a_1/content", CLIP)
    vault = ClipVault(storage, b"s" * 32)
    vault.keep("n_1", "assets/a_1/content")
    vault.keep("n_2", "assets/a_1/content")
    assert vault.read("n_1") == CLIP
    first, second = (storage.read(f"consents/{n}.enc") for n in ("n_1", "n_2"))
    assert b"somebody" not in first and first != second
    storage.put("consents/n_2.enc", first)  # another's clip under this name
    storage.put("consents/n_3.enc", first[:-1] + bytes([first[-1] ^ 1]))
    for consent_id, reader in (("n_2", vault), ("n_3", vault), ("n_1", ClipVault(storage, b"t" * 32)), ("n_4", vault)):
        with pytest.raises(HuashengError) as e:
            reader.read(consent_id)
        assert e.value.slug == "unknown-id"
    vault.forget("n_1")
    vault.forget("n_1")
    assert not storage.exists("consents/n_1.enc")


def test_the_secret_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert clip_secret(None, b"signing") == b"signing"
    file.write_text("k" * 32 + "\n")
    assert clip_secret(file, b"signing") == b"k" * 32
    file.write_text("short")
    for wrong in (file, tmp_path / "missing"):
        with pytest.raises(SystemExit, match="GATEWAY_CONSENT_KEY_FILE"):
            clip_secret(wrong, b"signing")
