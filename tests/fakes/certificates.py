"""Certificates for tests: an authority, and what it signs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Files:
    """Where a service finds its certificate."""

    cert: Path
    key: Path
    ca: Path

    def environment(self) -> dict[str, str]:
        return {f"HUASHENG_TLS_{k.upper()}": str(v) for k, v in vars(self).items()}


def _openssl(*args: str | Path) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60)


class Authority:
    """Signs certificates for this machine's own names. The test is skipped where there is no openssl."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            pytest.skip("no openssl here to make a certificate")
        folder.mkdir(parents=True)
        self.folder, self.cert, self._key = folder, folder / "ca.crt", folder / "ca.key"
        _openssl("req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=ca", "-keyout", self._key, "-out", self.cert)

    def sign(self, folder: Path) -> Files:
        """A new certificate, its key and this authority in ``folder``, over what is there."""
        folder.mkdir(parents=True, exist_ok=True)
        files = Files(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
        request, names = self.folder / "request", self.folder / "names"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        _openssl("req", *_KEY, "-subj", "/CN=huasheng", "-keyout", files.key, "-out", request)
        authority = ("-CA", self.cert, "-CAkey", self._key, "-CAcreateserial")
        _openssl("x509", "-req", "-in", request, *authority, "-days", "2", "-extfile", names, "-out", files.cert)
        shutil.copyfile(self.cert, files.ca)
        return files
