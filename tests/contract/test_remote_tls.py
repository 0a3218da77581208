"""Encrypted connections are ended as quickly as plain ones, and only with those whose certificate is trusted."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.asr.engines.google import requests
from services.llm.remote import streaming
from tests.contract.test_remote_faults import BROKEN, HALF, LLM_OUTCOMES, Rig, half, nothing_left
from tests.fakes.http_script import Call, Script, Server
from tests.fakes.waiting import PATIENCE_S

__all__ = ["nothing_left"]  # a fixture that every test here uses
NAMES = ["zhipu", "openai", "google"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key in one file."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate")
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", "req", "-x509", *made, *subject, "-keyout", str(file), "-out", str(file) + ".crt"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    file.write_text(file.read_text() + Path(str(file) + ".crt").read_text())
    return file


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for contexts in (streaming._tls, requests._tls):
        contexts.cache_clear()
    yield
    for contexts in (streaming._tls, requests._tls):
        contexts.cache_clear()


def encrypted(server: Server, certificate: Path) -> str:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    # not at once: a client that hangs up during the greeting must not stop the server from taking others
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True, do_handshake_on_connect=False)
    return server.url.replace("http://", "https://")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("name", NAMES)
def test_answers_and_stalls(name: str, certificate: Path) -> None:
    rig = Rig(name)
    scripts: dict[str, Script] = {"": rig.good, "stall-first": Call.stall, "stall-middle": half(HALF, Call.stall)}
    slow = LLM_OUTCOMES["stall-first"][0] if name != "google" else "asr-slow"
    expected = ["answered", slow, BROKEN if name != "google" else slow]
    with rig.serving(*scripts.values()) as server:
        url = encrypted(server, certificate)
        assert [rig.outcome(url, fault) for fault in scripts] == expected
        assert all(call.hung_up.wait(PATIENCE_S) for call in server.calls[1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_is_not_told_anything(name: str, certificate: Path) -> None:
    rig = Rig(name)
    with rig.serving(rig.good) as server:
        outcome = rig.outcome(encrypted(server, certificate))
        assert outcome == ("asr-unreachable" if name == "google" else "llm-unreachable")
        assert not server.calls
