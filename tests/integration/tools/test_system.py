"""What people meet when they start and stop the system, and when their machine lacks something."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder, manifest
from tests.fakes.waiting import PATIENCE_S
from tools import system
from tools.system import DEFAULT_PORTS, System, SystemError_, chosen_ports, free_ports

ROOT = Path(__file__).resolve().parents[3]


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "tools.system", *args]


def environment(ports: dict[str, int]) -> dict[str, str]:
    names = {name: "GATEWAY_HTTP_PORT" if name == "http" else f"{name.upper()}_PORT" for name in ports}
    path = f"{ROOT}:{ROOT / 'protos' / 'gen'}"
    return {**os.environ, "PYTHONPATH": path, **{names[n]: str(p) for n, p in ports.items()}}


def test_a_port_in_use_is_named_and_nothing_starts(tmp_path: Path) -> None:
    ports = free_ports(list(DEFAULT_PORTS))
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports["tts"]))
        other.listen()
        done = subprocess.run(
            command("--no-metrics", "--data", str(tmp_path)),
            env=environment(ports),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"port in use: {ports['tts']} (tts)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.log"))


def test_no_disk_space_is_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(system.shutil, "disk_usage", lambda _: type("U", (), {"free": 1000})())
    with pytest.raises(SystemError_, match="no disk space"):
        System(tmp_path, ports=free_ports(list(DEFAULT_PORTS)), metrics=False).start()


def test_ports_can_be_chosen(monkeypatch) -> None:
    monkeypatch.setenv("GATEWAY_HTTP_PORT", "6001")
    monkeypatch.setenv("TTS_PORT", "6053")
    assert (chosen_ports()["http"], chosen_ports()["tts"], chosen_ports()["asr"]) == (6001, 6053, 50051)
    monkeypatch.setenv("ASR_PORT", "many")
    with pytest.raises(SystemError_, match="not a number"):
        chosen_ports()


def test_a_wrong_setting_ends_the_start_with_its_name(tmp_path: Path) -> None:
    ports = free_ports(list(DEFAULT_PORTS))
    with System(tmp_path, ports=ports, metrics=False, env={"TTS_ENGINES": "no such!"}, restart=False) as running:
        running.start()
        with pytest.raises(SystemError_, match="TTS_ENGINES"):
            running.wait_ready(60)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping_leaves_no_process_behind(tmp_path: Path, how: signal.Signals) -> None:
    try:
        for group in manifest():
            folder(group, SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(f"weights are not here: {e}")
    ports = free_ports(list(DEFAULT_PORTS))
    with (tmp_path / "out").open("wb") as out:
        running = subprocess.Popen(
            command("--no-metrics", "--data", str(tmp_path / "data")),
            env=environment(ports),
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while len(children := psutil.Process(running.pid).children(recursive=True)) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(how)
        running.wait(PATIENCE_S)
        gone, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
        assert len(gone) >= 5
        assert not alive
        assert "Traceback" not in (tmp_path / "out").read_text()
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """A PATH with little more than a shell."""
    for name in ("bash", "dirname", "df", "awk", "cat", "sha256sum", "printf", "env"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    return {"PATH": str(tmp_path), "HOME": str(tmp_path)}


def setup_says(env: dict[str, str]) -> str:
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, ROOT / "tools" / "setup"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


def script(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_setup_without_python(bare: dict[str, str]) -> None:
    assert "apt-get install python3" in setup_says(bare)


def test_setup_with_an_old_python(bare: dict[str, str], tmp_path: Path) -> None:
    script(tmp_path, "python3", 'case "$*" in *version_info*) exit 1;; *--version*) echo Python 3.9.2;; esac')
    assert "Python 3.9.2" in setup_says(bare)


def test_setup_without_a_compiler(bare: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    assert "no C compiler" in setup_says(bare)


def test_setup_on_a_full_disk(bare: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    script(tmp_path, "cc", "exit 0")
    (tmp_path / "df").unlink()
    script(tmp_path, "df", "echo Filesystem 1024-blocks Used Available; echo /dev/x 100 99 1")
    assert "no disk space" in setup_says(bare)


def test_files_may_be_in_a_bucket_but_in_no_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUASHENG_STORAGE_URL", "s3://bucket/prefix")
    assert System(tmp_path).environment()["HUASHENG_STORAGE_URL"] == "s3://bucket/prefix"
    monkeypatch.setenv("HUASHENG_STORAGE_URL", "file:///elsewhere")
    assert System(tmp_path).environment()["HUASHENG_STORAGE_URL"] == f"file://{tmp_path}/storage"
