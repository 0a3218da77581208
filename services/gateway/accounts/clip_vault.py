"""Consent clips that are kept, encrypted with AES-256-GCM; each has a key of its own, made from one secret by HKDF."""

from __future__ import annotations

import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.common.errors import HuashengError
from services.common.storage import Storage

NONCE = 12
"""Bytes before the encrypted clip."""
SHORTEST_KEY = 32
"""Fewest bytes of a key file."""


def clip_secret(key_file: Path | None, signing: bytes) -> bytes:
    """What the keys are made from: the file, else the key that signs links. Raises ``SystemExit`` without either."""
    if key_file is None:
        return signing
    try:
        key = key_file.read_bytes().strip()
    except OSError as e:
        raise SystemExit(f"gateway: GATEWAY_CONSENT_KEY_FILE={key_file} cannot be read: {e.strerror}") from e
    if len(key) < SHORTEST_KEY:
        raise SystemExit(f"gateway: GATEWAY_CONSENT_KEY_FILE={key_file} holds fewer than {SHORTEST_KEY} characters")
    return key


class ClipVault:
    """Blocking; call through ``asyncio.to_thread``."""

    def __init__(self, storage: Storage, secret: bytes) -> None:
        self._storage, self._secret = storage, secret

    def keep(self, consent_id: str, clip_key: str) -> None:
        """Encrypt the file with the storage key ``clip_key`` for a consent."""
        nonce, name = secrets.token_bytes(NONCE), consent_id.encode()
        sealed = self._cipher(name).encrypt(nonce, self._storage.read(clip_key), name)
        self._storage.put(self._key(consent_id), nonce + sealed)

    def read(self, consent_id: str) -> bytes:
        """The clip. Raises ``unknown-id`` where there is none, or one that another secret encrypted."""
        name = consent_id.encode()
        try:
            data = self._storage.read(self._key(consent_id))
            return self._cipher(name).decrypt(data[:NONCE], data[NONCE:], name)
        except (FileNotFoundError, InvalidTag) as e:
            raise HuashengError("unknown-id", kind="clip", id=consent_id[:80]) from e

    def forget(self, consent_id: str) -> None:
        """Delete a clip; one that is not there is no error."""
        self._storage.delete(self._key(consent_id))

    def _cipher(self, name: bytes) -> AESGCM:
        derived = HKDF(algorithm=SHA256(), length=32, salt=name, info=b"huasheng consent clip").derive(self._secret)
        return AESGCM(derived)

    @staticmethod
    def _key(consent_id: str) -> str:
        return f"consents/{consent_id}.enc"
