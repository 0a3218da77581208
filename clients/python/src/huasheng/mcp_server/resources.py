"""What was made, as resources: fetched from the gateway when one is read, and not before."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import to_thread
from mcp.server.fastmcp.exceptions import ResourceError
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.types import Resource, ResourceTemplate
from pydantic import AnyUrl

from huasheng._async.client import AsyncHuasheng
from huasheng.errors import HuashengError
from huasheng.jobs import Job, Recording
from huasheng.mcp_server import answers
from huasheng.mcp_server.following import succeeded
from huasheng.mcp_server.shelf import Shelf

MOST_BYTES = 64 * 2**20
"""What is read at once; MCP sends it as one piece of text, a third longer."""
LISTED = 20
PARTS = {"video": answers.MP4, "audio": answers.WAV, "subtitles": answers.VTT}


@dataclass(frozen=True)
class Resources:
    """Reads and lists them."""

    hs: AsyncHuasheng
    shelf: Shelf

    def templates(self) -> list[ResourceTemplate]:
        """The forms of their addresses."""
        job = answers.job_uri("{job_id}")
        parts = [
            ResourceTemplate(uriTemplate=f"{job}/{part}", name=f"job-{part}", mimeType=mime, description=text)
            for (part, mime), text in zip(
                PARTS.items(),
                ("What a job made (a WebM or MOV where one was asked for).", "Its sound.", "WebVTT."),
                strict=True,
            )
        ]
        speech = f"{answers.SCHEME}://speech/{{speech_id}}"
        return [
            ResourceTemplate(uriTemplate=job, name="job", mimeType=answers.JSON, description="A job as it is now."),
            *parts,
            ResourceTemplate(uriTemplate=speech, name="speech", mimeType=answers.WAV, description="What say made."),
        ]

    async def listed(self) -> list[Resource]:
        """The videos made last. Raises ``ResourceError``."""
        try:
            jobs = await self.hs.videos.list(limit=LISTED)
        except HuashengError as e:
            raise ResourceError(answers.words_of(e)) from None
        return [
            Resource(
                uri=AnyUrl(answers.job_uri(job.id, "video")),
                name=job.name or job.id,
                description=str(job.params.get("text") or "")[:200],
                mimeType=answers.type_of(job.result),
                size=job.result.bytes,
            )
            for job in jobs
            if job.result
        ]

    async def read(self, uri: str) -> ReadResourceContents:
        """One of them. Raises ``ResourceError``, in the server's words."""
        kind, _, rest = uri.removeprefix(f"{answers.SCHEME}://").partition("/")
        name, _, part = rest.partition("/")
        try:
            if kind == "speech" and not part and (wav := self.shelf.get(name)):
                return ReadResourceContents(content=wav, mime_type=answers.WAV)
            if kind == "jobs" and name and (part in PARTS or not part):
                return await self._of_job(await self.hs.jobs.get(name), part)
        except HuashengError as e:
            raise ResourceError(answers.words_of(e)) from None
        raise ResourceError(f"{uri} is not there. Speech is kept for a while only: say it again.")

    async def _of_job(self, job: Job[Any], part: str) -> ReadResourceContents:
        if not part:
            return ReadResourceContents(content=job.model_dump_json(), mime_type=answers.JSON)
        made = succeeded(job).result
        if not job.is_over:
            raise ResourceError(f"job {job.id} is {job.state}: follow_job waits for it")
        urls = {name: getattr(made, f"{name}_url", None) for name in PARTS}
        if not isinstance(made, Recording) or not (url := urls[part]):
            raise ResourceError(f"job {job.id} ({job.kind}) has no {part}")
        mime = answers.type_of(made) if part == "video" else PARTS[part]
        data = await self._fetch(job.id, url, made.bytes if part == "video" else 0)
        return ReadResourceContents(content=data.decode() if part == "subtitles" else data, mime_type=mime)

    async def _fetch(self, job_id: str, url: str, size: int) -> bytes:
        with tempfile.TemporaryDirectory(prefix="huasheng-mcp-") as folder:
            path = Path(folder) / "made"
            if size <= MOST_BYTES:
                await self.hs.download(url, path)
                size = path.stat().st_size
            if size > MOST_BYTES:
                way = f"`huasheng jobs get {job_id} -o FILE.mp4` saves it"
                raise ResourceError(f"it has {size} bytes, too many to be read at once ({MOST_BYTES}); {way}")
            return await to_thread.run_sync(path.read_bytes)
