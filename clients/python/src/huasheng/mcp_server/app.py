"""The server: tools and resources of one gateway."""

from __future__ import annotations

from collections.abc import Iterable

from mcp.server.fastmcp import FastMCP
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import Resource, ResourceTemplate
from pydantic import AnyUrl

from huasheng._async.client import AsyncHuasheng
from huasheng.mcp_server.resources import Resources
from huasheng.mcp_server.shelf import Shelf
from huasheng.mcp_server.tools import add_tools

INSTRUCTIONS = """\
画声 Huasheng makes videos of a digital human who says a text, answers questions as videos, and turns text into speech.
Videos and answers are jobs: by default a tool waits for its job and tells the progress. What was made is a resource
(huasheng://jobs/<id>/video); read it only if its bytes are needed. What is made is marked as made by AI."""


class HuashengServer(FastMCP[None]):
    """As the SDK has it, with resources whose type is known when they are read."""

    def __init__(self, resources: Resources, security: TransportSecuritySettings | None) -> None:
        self._made = resources
        super().__init__("huasheng", instructions=INSTRUCTIONS, log_level="WARNING", transport_security=security)

    async def list_resources(self) -> list[Resource]:
        """The videos made last."""
        return await self._made.listed()

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """The forms of addresses."""
        return self._made.templates()

    async def read_resource(self, uri: AnyUrl | str) -> Iterable[ReadResourceContents]:
        """What was made. Raises ``ResourceError``."""
        return [await self._made.read(str(uri))]


def build(hs: AsyncHuasheng, security: TransportSecuritySettings | None = None) -> HuashengServer:
    """A server for a gateway; ``security``: whom HTTP answers."""
    shelf = Shelf()
    server = HuashengServer(Resources(hs, shelf), security)
    add_tools(server, hs, shelf)
    return server
