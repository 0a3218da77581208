"""The contracts as tests walk them: every RPC of the five services, and the fields of its request."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from tools.system import SERVICES


def methods(service: str) -> list[MethodDescriptor]:
    """All RPCs of a service by its short name (``asr``)."""
    file = importlib.import_module(f"huasheng.{service}.v1.{service}_pb2").DESCRIPTOR
    return [m for s in file.services_by_name.values() for m in s.methods]


def every_method() -> list[tuple[str, MethodDescriptor]]:
    """Each RPC with the short name of its service."""
    return [(service, m) for service in SERVICES for m in methods(service)]


def stub_method(channel: Any, service: str, method: MethodDescriptor) -> Any:
    """What calls an RPC over a channel of ``grpc.aio``; always with an iterator of requests where it takes a stream."""
    pb = importlib.import_module(f"huasheng.{service}.v1.{service}_pb2_grpc")
    return getattr(getattr(pb, f"{method.containing_service.name}Stub")(channel), method.name)


def request_of(method: MethodDescriptor) -> Any:
    """An empty request."""
    return GetMessageClass(method.input_type)()


async def answers(channel: Any, service: str, method: MethodDescriptor, request: Any, **options: Any) -> list[Any]:
    """Everything an RPC answers to one request message. Raises ``grpc.aio.AioRpcError``."""
    call = stub_method(channel, service, method)(iter([request]) if method.client_streaming else request, **options)
    return [a async for a in call] if method.server_streaming else [await call]


def text_fields(message: Descriptor, seen: tuple[Descriptor, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all string fields of a message and of those in it."""
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield (field.name,)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type not in seen:
            for path in text_fields(field.message_type, (*seen, message)):
                yield (field.name, *path)
