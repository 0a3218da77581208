"""The tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Literal, ParamSpec, TypeVar

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from huasheng._async.client import AsyncHuasheng
from huasheng.errors import HuashengError
from huasheng.jobs import DialogueResult, Job, VideoResult
from huasheng.mcp_server import answers
from huasheng.mcp_server.following import Ctx, follow, made, succeeded
from huasheng.mcp_server.shelf import Shelf
from huasheng.requests import Background, Format

P = ParamSpec("P")
R = TypeVar("R")
READS = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)
MAKES = ToolAnnotations(readOnlyHint=False, destructiveHint=False, openWorldHint=False)
ENDS = ToolAnnotations(readOnlyHint=False, destructiveHint=True, idempotentHint=True, openWorldHint=False)
Words = Annotated[str, Field(min_length=1, description="What is said, in Chinese, English or both.")]
Avatar = Annotated[str | None, Field(description="Of list_avatars; the built-in one if left out.")]
Voice = Annotated[str | None, Field(description="Of list_voices; the avatar's, else the language's, if left out.")]
Wait = Annotated[bool, Field(description="false: answer at once with the job's id; follow_job tells the rest.")]
WaitS = Annotated[float, Field(gt=0, le=3600, description="Seconds after which it answers in any case.")]
Speed = Annotated[float | None, Field(ge=0.5, le=2)]


def told(run: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Failures in the server's words."""

    @wraps(run)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await run(*args, **kwargs)
        except HuashengError as e:
            raise ToolError(answers.words_of(e)) from None

    return guarded


def add_tools(server: FastMCP[None], hs: AsyncHuasheng, shelf: Shelf) -> None:
    """Register them all."""
    _add_lists(server, hs)
    _add_makers(server, hs, shelf)
    _add_jobs(server, hs)


def _add_lists(server: FastMCP[None], hs: AsyncHuasheng) -> None:
    @server.tool(annotations=READS)
    @told
    async def list_avatars() -> Annotated[CallToolResult, answers.AvatarRows]:
        """List the people that can be shown."""
        rows = [answers.AvatarRow.model_validate(a.model_dump()) for a in await hs.avatars.list()]
        words = "\n".join(f"{a.avatar_id}: {a.name}" for a in rows)
        return answers.result(words, answers.AvatarRows(items=rows))

    @server.tool(annotations=READS)
    @told
    async def list_voices(
        language: Annotated[str | None, Field(description="Only those of zh, en-US, ….")] = None,
    ) -> Annotated[CallToolResult, answers.VoiceRows]:
        """List the voices that can speak."""
        found = [v for v in await hs.voices.list() if v.language.lower().startswith((language or "").lower())]
        rows = [answers.VoiceRow.model_validate(v.model_dump()) for v in found]
        words = "\n".join(f"{v.voice_id}: {v.name}, {v.language}, {v.gender or 'no gender told'}" for v in rows)
        return answers.result(words or "no voices", answers.VoiceRows(items=rows))


def _add_makers(server: FastMCP[None], hs: AsyncHuasheng, shelf: Shelf) -> None:
    @server.tool(annotations=MAKES)
    @told
    async def say(
        text: Words, voice_id: Voice = None, language: str | None = None, speed: Speed = None
    ) -> Annotated[CallToolResult, answers.Said]:
        """Say a text. The sound is a resource (WAV), kept until newer speech needs its place."""
        speech = await hs.speech.create(text, voice_id=voice_id, language=language, speed=speed)
        uri = f"{answers.SCHEME}://speech/{shelf.put(speech.wav)}"
        notes = [f"{f.service}: {f.used} in place of {f.wanted} ({f.reason})" for f in speech.fallbacks]
        notes += [f"{w.reason}: {w.text}" for w in speech.warnings]
        data = answers.Said(sound=uri, duration_s=speech.duration_s, notes=notes)
        words = "\n".join([f"{speech.duration_s:.1f} s of speech.", *notes])
        return answers.result(words, data, answers.link(uri, answers.WAV, "the speech"))

    @server.tool(annotations=MAKES)
    @told
    async def make_video(
        ctx: Ctx,
        text: Words,
        avatar_id: Avatar = None,
        voice_id: Voice = None,
        language: str | None = None,
        model: Annotated[str | None, Field(description="Id of a model trained on a person.")] = None,
        ratio: Annotated[Literal["9:16", "1:1", "16:9", "4:5"] | None, Field(description="Form.")] = None,
        background: Annotated[str | None, Field(description="keep, blur or #rrggbb.")] = None,
        subtitles: Annotated[bool, Field(description="As a file (WebVTT).")] = False,
        wait: Wait = True,
        wait_s: WaitS = 600,
    ) -> Annotated[CallToolResult, answers.JobState]:
        """Make a video of a person who says the text. Takes a few times as long as the video; cancelling the call
        cancels it."""
        form: Format | None = {"ratio": ratio} if ratio else None

        async def start() -> Job[VideoResult]:
            return await hs.videos.create(
                text=text,
                avatar_id=avatar_id,
                voice_id=voice_id,
                language=language,
                model=model,
                format=form,
                background=_background(background),
                subtitles=subtitles,
            )

        return answers.shown(await made(hs, ctx, start, wait_s, is_awaited=wait))

    @server.tool(annotations=MAKES)
    @told
    async def ask(
        ctx: Ctx,
        question: Words,
        avatar_id: Avatar = None,
        voice_id: Voice = None,
        language: str | None = None,
        conversation_id: Annotated[str | None, Field(description="Of an answer before: go on with it.")] = None,
        persona: Annotated[str | None, Field(description="Who the avatar is.")] = None,
        wait: Wait = True,
        wait_s: WaitS = 600,
    ) -> Annotated[CallToolResult, answers.JobState]:
        """Ask the digital human a question: it answers in words and as a video. Cancelling the call cancels it."""

        async def start() -> Job[DialogueResult]:
            return await hs.dialogues.create(
                text=question,
                avatar_id=avatar_id,
                voice_id=voice_id,
                language=language,
                conversation_id=conversation_id,
                persona=persona,
            )

        return answers.shown(await made(hs, ctx, start, wait_s, is_awaited=wait))


def _background(told: str | None) -> Background | None:
    if told is None:
        return None
    if told == "keep":
        return {"kind": "keep"}
    return {"kind": "blur"} if told == "blur" else {"kind": "colour", "colour": told}


def _add_jobs(server: FastMCP[None], hs: AsyncHuasheng) -> None:
    @server.tool(annotations=READS)
    @told
    async def follow_job(ctx: Ctx, job_id: str, wait_s: WaitS = 600) -> Annotated[CallToolResult, answers.JobState]:
        """Wait until a job is over, telling its progress; answers with its state after wait_s in any case.

        Cancelling the call leaves the job running.
        """
        job = await hs.jobs.get(job_id)
        return answers.shown(succeeded(job if job.is_over else await follow(hs, ctx, job, wait_s)))

    @server.tool(annotations=ENDS)
    @told
    async def cancel_job(job_id: str) -> Annotated[CallToolResult, answers.JobState]:
        """Cancel a job; harmless when it is over."""
        return answers.shown(await hs.jobs.cancel(job_id))
