"""Who may use the gateway's gRPC service with accounts: a program with somebody's API key; without: the token."""

from __future__ import annotations

from pathlib import Path

import grpc
from huasheng.gateway.v1 import gateway_pb2, gateway_pb2_grpc

from services.common.errors import from_rpc
from tests.fakes import people
from tests.fakes.engine_services import TOKEN_SHOWN
from tests.integration.gateway.conftest import World, open_world


async def turn(world: World, *metadata: tuple[str, str]) -> str:
    """``answered``, or why not."""
    asked = gateway_pb2.StreamTurnRequest(config=gateway_pb2.TurnConfig(text="hello"))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.gateway.grpc_port}") as channel:
        call = gateway_pb2_grpc.GatewayServiceStub(channel).StreamTurn(iter([asked]), timeout=60, metadata=metadata)
        try:
            kinds = [answer.WhichOneof("payload") async for answer in call]
        except grpc.aio.AioRpcError as e:
            return from_rpc(e, "gateway").slug
    return "answered" if kinds[-1] == "finished" else str(kinds)


async def test_with_accounts_a_key_is_asked_for(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world:
        ann = await people.first_admin(world)

        async def key(*scopes: str) -> tuple[str, str]:
            return "authorization", f"Bearer {await ann.key(*scopes)}"

        live, reading = await key("live"), await key("read")
        (token,) = TOKEN_SHOWN
        assert await turn(world) == "sign-in-needed"
        assert await turn(world, token) == "sign-in-needed", "it is for the services, and for nobody else"
        assert await turn(world, token, ("authorization", f"Bearer {token[1]}")) == "key-refused"
        assert await turn(world, reading) == "not-allowed"
        assert await turn(world, live) == "answered"


async def test_without_accounts_the_token_is_asked_for(world: World) -> None:
    (token,) = TOKEN_SHOWN
    assert await turn(world) == "service-token"
    assert await turn(world, ("x-service-token", "x" * 40)) == "service-token"
    assert await turn(world, token) == "answered"
