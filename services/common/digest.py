"""SHA-256 of files and texts, in hexadecimal."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of_file(path: Path) -> str:
    """All 64 digits. Raises ``OSError``."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def sha256_of(content: bytes | str, digits: int = 64) -> str:
    """The first digits; a text is taken as UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:digits]
