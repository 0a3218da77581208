"""The five real programs ask for the token that ``tools.system`` made for them, on every RPC of the contracts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf.descriptor import MethodDescriptor

from services.common.errors import from_rpc
from tests.fakes.protos import answers, every_method, request_of
from tests.fakes.waiting import PATIENCE_S
from tools.system import ROOT, SERVICES, System


async def outcome(system: System, service: str, method: MethodDescriptor, token: str) -> str:
    metadata = (("x-service-token", token),) if token else ()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{system.ports[service]}") as channel:
        try:
            call = answers(channel, service, method, request_of(method), metadata=metadata, timeout=PATIENCE_S)
            await call
        except grpc.aio.AioRpcError as e:
            return from_rpc(e, service).slug
    return "answered"


@pytest.mark.parametrize(("service", "method"), every_method(), ids=lambda v: getattr(v, "name", v))
async def test_every_rpc_of_every_program(system: System, service: str, method: MethodDescriptor) -> None:
    for token in ("", "wrong-" + "x" * 32, system.token + "x"):
        assert await outcome(system, service, method, token) == "service-token"
    # an empty request is refused by most, for reasons of their own
    let_in = await outcome(system, service, method, system.token)
    assert let_in not in ("service-token", "internal", "not-offered")
    if method.name.startswith("ListEngines"):
        assert let_in == "answered"


def test_the_token_is_in_no_log_and_no_command_line(system: System) -> None:
    assert len(system.token) >= 32
    assert System(system.data).token != system.token, "of each start its own"
    logs = [(system.data / "logs" / f"{name}.log").read_bytes() for name in SERVICES]
    assert all(logs) and not [1 for log in logs if system.token.encode() in log]
    for process in system.processes.values():
        assert system.token not in " ".join(psutil.Process(process.pid).cmdline())


@pytest.mark.parametrize("service", SERVICES)
def test_a_program_open_to_others_without_a_token_does_not_start(service: str, tmp_path: Path) -> None:
    env = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}",
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        f"{service.upper()}_HOST": "0.0.0.0",
        f"{service.upper()}_PORT": "0",
        f"{service.upper()}_METRICS_PORT": "0",
        "GATEWAY_OPEN_TO_ANYONE": "true",
        "GATEWAY_HTTP_PORT": "0",
        "GATEWAY_DATA_DIR": str(tmp_path / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2 and "HUASHENG_SERVICE_TOKEN_FILE" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
