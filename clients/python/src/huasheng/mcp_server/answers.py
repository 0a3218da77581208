"""What the tools answer with: words a model reads, fields a program reads, links to what was made."""

from __future__ import annotations

from typing import Any

from mcp.types import CallToolResult, ResourceLink, TextContent
from pydantic import AnyUrl, BaseModel

from huasheng.errors import HuashengError, JobFailedError, ProblemError
from huasheng.jobs import Job, Recording, VideoResult
from huasheng.models import Problem

SCHEME = "huasheng"
WAV = "audio/wav"
JSON = "application/json"
VTT = "text/vtt"
MP4 = "video/mp4"


class AvatarRow(BaseModel):
    """An avatar, as far as one needs it to choose."""

    avatar_id: str
    name: str
    engine: str
    is_builtin: bool
    voice_id: str | None


class AvatarRows(BaseModel):
    """All avatars."""

    items: list[AvatarRow]


class VoiceRow(BaseModel):
    """A voice, as far as one needs it to choose."""

    voice_id: str
    name: str
    language: str
    gender: str
    engine: str
    is_cloned: bool


class VoiceRows(BaseModel):
    """All voices."""

    items: list[VoiceRow]


class Said(BaseModel):
    """Speech that was made. ``notes``: what is not as it was asked for."""

    sound: str
    duration_s: float
    notes: list[str]


class JobState(BaseModel):
    """A job. ``video``, ``audio``, ``subtitles``: resources, once they are there. ``reply``: to a question."""

    job_id: str
    kind: str
    state: str
    stage: str
    progress: float
    video: str | None = None
    audio: str | None = None
    subtitles: str | None = None
    duration_s: float | None = None
    transcript: str | None = None
    reply: str | None = None
    conversation_id: str | None = None
    notes: list[str] = []


def link(uri: str, mime_type: str, title: str) -> ResourceLink:
    """A resource that can be read."""
    return ResourceLink(
        type="resource_link", uri=AnyUrl(uri), name=uri.partition("://")[2], title=title, mimeType=mime_type
    )


def result(words: str, data: BaseModel, *links: ResourceLink) -> CallToolResult:
    """What a tool returns."""
    text = TextContent(type="text", text=words)
    return CallToolResult(content=[text, *links], structuredContent=data.model_dump(mode="json"))


def job_uri(job_id: str, part: str = "") -> str:
    """The address of a job, or of what it made."""
    return f"{SCHEME}://jobs/{job_id}" + (f"/{part}" if part else "")


def type_of(made: Recording) -> str:
    """What a video is, without its codecs."""
    return made.mime_type.partition(";")[0]


def state_of(job: Job[Any]) -> JobState:
    """A job in a few fields."""
    out = JobState(job_id=job.id, kind=job.kind, state=job.state, stage=job.stage, progress=job.progress)
    made = job.result
    if not isinstance(made, Recording):
        return out
    out.video, out.duration_s = job_uri(job.id, "video"), made.duration_s
    out.audio = job_uri(job.id, "audio") if made.audio_url else None
    out.subtitles = job_uri(job.id, "subtitles") if made.subtitles_url else None
    for name in ("transcript", "reply", "conversation_id"):
        setattr(out, name, getattr(made, name, None))
    out.notes = [f"{f.service}: {f.used} in place of {f.wanted} ({f.reason})" for f in made.fallbacks]
    out.notes += [f"{w.reason}: {w.text}" for w in made.warnings]
    return out


def shown(job: Job[Any]) -> CallToolResult:
    """A job, with links to what it made."""
    data, made, links = state_of(job), job.result, []
    if isinstance(made, Recording) and data.video:
        links.append(link(data.video, type_of(made), "the video"))
        links += [link(data.audio, WAV, "its sound")] if data.audio else []
        links += [link(data.subtitles, VTT, "its subtitles")] if data.subtitles else []
    words = data.reply or _summary(job, made)
    return result("\n".join([words, *data.notes]), data, *links)


def _summary(job: Job[Any], made: Any) -> str:
    if isinstance(made, VideoResult):
        return f"The video of job {job.id} is done: {made.duration_s:.1f} s, {made.width}×{made.height}."
    where = f", {job.stage}" if job.stage else ""
    return f"Job {job.id} ({job.kind}) is {job.state}{where}, {job.progress:.0%}."


def words_of(error: HuashengError) -> str:
    """A failure in the server's words."""
    problem = error.problem if isinstance(error, ProblemError | JobFailedError) else None
    return in_words(problem) if problem else str(error)


def in_words(p: Problem) -> str:
    """What happened, and what to do next."""
    request = f", request {p.request_id}" if p.request_id else ""
    return f"{p.detail or p.title} {p.hint} [{p.reason or p.status}{request}]"
