"""Any of the five services, answering every RPC of its contract with one empty message."""

from __future__ import annotations

import importlib
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from services.common.serving import Service
from tests.fakes.protos import methods
from tests.fakes.serving import service_of


def empty_service(name: str, asked: list[str]) -> Service:
    """``asked`` gets the name of every RPC that reached the service."""
    pb = importlib.import_module(f"huasheng.{name}.v1.{name}_pb2_grpc")
    handlers = {m.name: _handler(m, asked) for m in methods(name)}
    return service_of(name, type("Empty", (getattr(pb, f"{name.title()}ServiceServicer"),), handlers)())


def _handler(method: MethodDescriptor, asked: list[str]) -> Any:
    answer = GetMessageClass(method.output_type)

    async def one(_self: Any, request: Any, _context: Any) -> Any:
        asked.append(method.name)
        if method.client_streaming:
            async for _ in request:
                pass
        return answer()

    async def many(self: Any, request: Any, context: Any) -> Any:
        yield await one(self, request, context)

    return many if method.server_streaming else one
