"""Every RPC of the contracts asks for the token, and a service may be reached with certificates of its CA alone.

The rows of the matrix come from the contracts, so a new RPC is in it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import generate_latest

from services.common import healthcheck
from services.common.access.callers import ServiceAccess, access_of
from services.common.access.tls import Certificates
from services.common.access.tokens import Tokens
from services.common.errors import HuashengError, from_rpc
from services.common.settings import ServiceSettings, SharedSettings
from services.gateway import clients as gateway_clients
from services.gateway.clients import Clients
from services.gateway.settings import GatewaySettings
from tests.fakes import serving
from tests.fakes.certificates import Authority, Files
from tests.fakes.empty_services import empty_service
from tests.fakes.protos import answers, every_method, request_of
from tests.fakes.serving import served
from tests.fakes.waiting import PATIENCE_S, until
from tools.system import SERVICES

TOKEN, NEXT, WRONG = "right-" + "a" * 32, "next-" + "b" * 32, "wrong-" + "c" * 32
CALLERS: dict[str, tuple[tuple[tuple[str, str], ...], bool]] = {
    "nobody": ((), False),
    "wrong": ((("x-service-token", WRONG),), False),
    "elsewhere": ((("authorization", f"Bearer {TOKEN}"),), False),
    "two": ((("x-service-token", WRONG), ("x-service-token", TOKEN)), False),
    "right": ((("x-service-token", TOKEN),), True),
    "next": ((("x-service-token", NEXT),), True),
}
"""Who calls: metadata, and whether it is let in."""


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("service", "method"), every_method(), ids=lambda v: getattr(v, "name", v))
async def test_every_rpc_asks_for_the_token(
    service: str, method: MethodDescriptor, caller: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    metadata, is_let_in = CALLERS[caller]
    access = ServiceAccess(Tokens(f"{TOKEN},{NEXT}"))
    async with served(empty_service(service, asked), access=access) as running:
        call = answers(running.channel, service, method, request_of(method), metadata=metadata, timeout=PATIENCE_S)
        if is_let_in:
            assert len(await call) == 1 and asked == [method.name]
            return
        with caplog.at_level(logging.DEBUG), pytest.raises(grpc.aio.AioRpcError) as e:
            await call
    assert e.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert from_rpc(e.value, service).slug == "service-token" and not asked
    told = f"{e.value!r} {e.value.trailing_metadata()} {caplog.text} {generate_latest().decode()}"
    assert not [t for t in (TOKEN, NEXT, WRONG) if t in told]


@pytest.mark.parametrize("service", SERVICES)
async def test_health_is_told_to_everybody(service: str) -> None:
    made = empty_service(service, [])
    async with served(made, access=ServiceAccess(Tokens(TOKEN))) as running:
        stub = health_pb2_grpc.HealthStub(running.channel)
        for name in ("", made.full_name):
            found = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE_S)
            assert found.status == health_pb2.HealthCheckResponse.SERVING
        assert await asyncio.to_thread(healthcheck.check, running.address, made.full_name, PATIENCE_S) == ""


async def test_before_it_has_loaded_a_stranger_hears_of_the_token_alone() -> None:
    ((service, method), *_) = every_method()
    async with served(empty_service(service, []), load=False, access=ServiceAccess(Tokens(TOKEN))) as running:
        with pytest.raises(grpc.aio.AioRpcError) as e:
            await answers(running.channel, service, method, request_of(method), timeout=PATIENCE_S)
        assert e.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_tokens_are_changed_while_everything_runs(tmp_path: Path) -> None:
    """The way of docs/operations.md: old first with the new one, then new first, then new alone."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    access = access_of(SharedSettings(service_token_file=file))
    async with served(empty_service("tts", []), access=access) as running:
        clients = Clients(GatewaySettings(tts_address=running.address), access)
        request = request_of(next(m for s, m in every_method() if s == "tts" and m.name == "ListVoices"))
        for text in (TOKEN, f"{TOKEN}\n{NEXT}\n", f"{NEXT}\n{TOKEN}\n", NEXT):
            file.write_text(text)
            await clients.call("tts", "ListVoices", request)
        stranger = Clients(GatewaySettings(tts_address=running.address), ServiceAccess(Tokens(TOKEN)))
        with pytest.raises(HuashengError, match="service-token"):
            await stranger.call("tts", "ListVoices", request)
        await asyncio.gather(clients.close(), stranger.close())


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
async def test_a_port_that_others_reach_is_not_opened_without_a_check(host: str) -> None:
    service, settings = empty_service("llm", []), ServiceSettings(host=host)
    if host == "0.0.0.0":
        with pytest.raises(SystemExit) as e:
            await serving.start(service, settings)
        assert e.value.code == 2
    for access in (ServiceAccess(Tokens(TOKEN)), ServiceAccess(open_ports=True)):
        await (await serving.start(service, settings, access=access)).stop(0)


# --- mutual TLS -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> list[Authority]:
    folder = tmp_path_factory.mktemp("ca")
    return [Authority(folder / name) for name in ("one", "two")]


def access_with(files: Files) -> ServiceAccess:
    return ServiceAccess(None, Certificates(files.cert, files.key, files.ca))


def put(new: Files, place: Files) -> None:
    """What a secret's mount does: other files under the same names."""
    for name in ("cert", "key", "ca"):
        shutil.copyfile(getattr(new, name), getattr(place, name))


async def ask(channel: Any) -> str:
    method = next(m for s, m in every_method() if s == "tts" and m.name == "ListVoices")
    try:
        await answers(channel, "tts", method, request_of(method), timeout=PATIENCE_S)
    except grpc.aio.AioRpcError as e:
        return e.code().name
    return "answered"


async def test_only_certificates_of_the_ca_get_in(tmp_path: Path, authorities: list[Authority]) -> None:
    ours, own, foreign = authorities[0], authorities[0].sign(tmp_path / "own"), authorities[1].sign(tmp_path / "other")
    trusting = tmp_path / "trusting"  # trusts the server, but shows a certificate of somebody else's CA
    trusting.mkdir()
    shutil.copyfile(ours.cert, trusting / "ca.crt")
    async with served(empty_service("tts", []), access=access_with(own)) as running:
        assert await ask(running.channel) == "answered"
        credentials = {
            "nothing": grpc.ssl_channel_credentials(own.ca.read_bytes()),
            "foreign": grpc.ssl_channel_credentials(
                own.ca.read_bytes(), foreign.key.read_bytes(), foreign.cert.read_bytes()
            ),
            "not trusting": grpc.ssl_channel_credentials(
                foreign.ca.read_bytes(), own.key.read_bytes(), own.cert.read_bytes()
            ),
        }
        for name, shown in credentials.items():
            async with grpc.aio.secure_channel(running.address, shown) as channel:
                assert await ask(channel) == "UNAVAILABLE", name
        async with grpc.aio.insecure_channel(running.address) as channel:
            assert await ask(channel) == "UNAVAILABLE", "not encrypted"


async def test_the_health_check_of_the_container_shows_its_certificate(
    tmp_path: Path, authorities: list[Authority], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, service = authorities[0].sign(tmp_path), empty_service("tts", [])
    async with served(service, access=access_with(files)) as running:
        assert await asyncio.to_thread(healthcheck.check, running.address, service.full_name, 5) != ""
        for name, value in files.environment().items():
            monkeypatch.setenv(name, value)
        assert await asyncio.to_thread(healthcheck.check, running.address, service.full_name, PATIENCE_S) == ""


async def test_certificates_and_ca_are_changed_while_everything_runs(
    tmp_path: Path, authorities: list[Authority], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CA itself is replaced, under a running server and a running gateway client; nothing at work is cut."""
    monkeypatch.setattr(gateway_clients, "RENEW_S", 0.05)
    one, two = authorities[0].sign(tmp_path / "one"), authorities[1].sign(tmp_path / "two")
    used = authorities[0].sign(tmp_path / "used")
    access = access_with(used)
    async with served(empty_service("tts", []), access=access) as running:
        clients = Clients(GatewaySettings(tts_address=running.address), access_with(used))
        clients.watch()
        await until(lambda: clients.health["tts"].status == "serving")
        method = next(m for s, m in every_method() if s == "tts" and m.client_streaming and m.server_streaming)
        go_on = asyncio.Event()

        async def requests() -> Any:
            yield request_of(method)
            await go_on.wait()

        (before,) = clients.pools["tts"].replicas.values()
        at_work = clients.tts.StreamSynthesize(requests(), timeout=PATIENCE_S, metadata=clients.metadata())
        answered = asyncio.ensure_future(_all(at_work))
        await clients.call("tts", "ListVoices", request_of(_method("ListVoices")))
        put(two, used)
        await until(lambda: before not in clients.pools["tts"].replicas.values())
        await clients.call("tts", "ListVoices", request_of(_method("ListVoices")))
        await until(lambda: clients.health["tts"].status == "serving")
        for files, expected in ((one, "UNAVAILABLE"), (two, "answered")):
            async with access_with(files).channel(running.address, [], access_with(files).pem()) as channel:
                assert await ask(channel) == expected, "new connections see the new CA alone"
        assert not answered.done()
        go_on.set()
        assert len(await answered) == 1, "a call at work ends on the connection that it began on"
        await clients.close()


def _method(name: str) -> MethodDescriptor:
    return next(m for s, m in every_method() if s == "tts" and m.name == name)


async def _all(call: Any) -> list[Any]:
    return [a async for a in call]
