"""The nginx configuration that operators get, in front of gateways on this machine."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.certificates import Authority
from tests.fakes.ports import free_port
from tests.fakes.waiting import wait_until

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "proxy" / "nginx.conf"
PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


class Nginx:
    """A running nginx. ``url``: its page over TLS; ``tls``: what trusts its certificate."""

    def __init__(self, folder: Path, port: int, tls: ssl.SSLContext) -> None:
        self.folder, self.url, self.tls = folder, f"https://localhost:{port}", tls

    @property
    def accesses(self) -> str:
        return (self.folder / "access.log").read_text()


@contextlib.contextmanager
def nginx(folder: Path, gateways: list[int], changes: dict[str, str] | None = None) -> Iterator[Nginx]:
    """nginx in front of gateways on these ports. ``changes``: text of the configuration that is replaced, which must
    be there; names, ports and places are replaced in any case. Skips the test where there is no nginx."""
    if not PROGRAM:
        pytest.skip("nginx is missing (Debian: apt-get install nginx-light)")
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    files = Authority(folder / "ca").sign(folder / "tls")
    port = free_port()
    servers = "\n".join(f"server 127.0.0.1:{p} max_fails=1 fail_timeout=5s;" for p in gateways)
    replaced = {
        "server 127.0.0.1:5001 max_fails=1 fail_timeout=5s;": servers,
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "avatar.example.org": "localhost",
        "/etc/huasheng": str(folder / "tls"),
        "/var/log/nginx": str(folder),
        "worker_processes auto": "worker_processes 1",
        **(changes or {}),
    }
    text = CONFIGURATION.read_text(encoding="utf-8")
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    temporary = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi"))
    text = re.sub(r"^http \{", f"http {{\n{temporary}scgi_temp_path {folder / 'scgi'};", text, flags=re.MULTILINE)
    (folder / "nginx.conf").write_text(text)
    how = f"daemon off; pid {folder / 'pid'};"
    command = [PROGRAM, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log", "-g", how]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command)
    try:
        wait_until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip())
        yield Nginx(folder, port, ssl.create_default_context(cafile=str(files.ca)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
