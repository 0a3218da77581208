"""``huasheng video``: an avatar says a text or a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from huasheng._sync.client import Huasheng
from huasheng.cli import following, options, studio
from huasheng.cli.commands.ask import said_or_recorded
from huasheng.cli.commands.jobs import show_started
from huasheng.cli.exits import UsageError
from huasheng.cli.files import PIPE, Output, asset_of, check_output, fetch
from huasheng.cli.session import Session
from huasheng.jobs import Job, VideoResult

ENDINGS = (".mp4", ".webm", ".mov")


def _file(flag: str, text: str) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(flag, exists=True, dir_okay=False, help=text)
    return found


def video(
    session: Session,
    text: options.Text = None,
    recording: options.Recording = None,
    output: Output = None,
    avatar: options.Avatar = None,
    model: options.Model = None,
    voice: options.Voice = None,
    language: options.SpokenLanguage = None,
    speed: options.Speed = None,
    seed: options.Seed = None,
    ratio: Annotated[studio.Ratio | None, typer.Option("--ratio", help="Form of the picture.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="In place of --ratio.", metavar="WIDTHxHEIGHT")] = None,
    resolution: Annotated[int | None, typer.Option("--resolution", help="Pixels of the short side.")] = None,
    fps: Annotated[float | None, typer.Option("--fps", help="Pictures a second.")] = None,
    quality: Annotated[studio.Quality | None, typer.Option("--quality")] = None,
    container: Annotated[
        studio.Container | None, typer.Option("--container", help="Else read off the name of -o.")
    ] = None,
    background: Annotated[
        str | None,
        typer.Option("--background", help="keep, blur, blur:0.7, #rrggbb, transparent, or a picture or film."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Colour behind the person that is taken out: auto or #rrggbb.")
    ] = None,
    framing: Annotated[studio.FramingName | None, typer.Option("--framing", help="How much is shown.")] = None,
    subtitles: Annotated[
        str | None, typer.Option("--subtitles", help="Files beside the video: srt,vtt,ass.", metavar="LIST")
    ] = None,
    burn: Annotated[bool, typer.Option("--burn", help="Subtitles in the picture.")] = False,
    subtitle_size: Annotated[studio.Size | None, typer.Option("--subtitle-size")] = None,
    subtitle_place: Annotated[studio.Place | None, typer.Option("--subtitle-place")] = None,
    highlight: Annotated[bool, typer.Option("--highlight", help="Mark each word as it is said.")] = False,
    second_language: Annotated[
        str | None, typer.Option("--second-language", help="Translate the subtitles too; needs a language model.")
    ] = None,
    music: Annotated[Path | None, _file("--music", "Music beneath the speech.")] = None,
    music_level: Annotated[float | None, typer.Option("--music-level", help="In dB against the speech.")] = None,
    loudness: Annotated[float | None, typer.Option("--loudness", help="Of the whole, in LUFS.")] = None,
    logo: Annotated[Path | None, _file("--logo", "A picture in a corner.")] = None,
    corner: Annotated[studio.Corner | None, typer.Option("--corner", help="Of the logo.")] = None,
    intro: Annotated[Path | None, _file("--intro", "A film before.")] = None,
    outro: Annotated[Path | None, _file("--outro", "A film after.")] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="The operator's face restorer goes over the face.")
    ] = False,
    max_side: Annotated[int | None, typer.Option("--max-side", help="Pixels of the long side at most.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="What draws.")] = None,
    engine: options.Engine = None,
    asr: options.Asr = None,
    llm: options.Llm = None,
    tts: options.Tts = None,
    fallback: options.Fallback = True,
    detach: options.Detach = False,
) -> None:
    """Make a video: TEXT, stdin or a recording, said by an avatar.

    Ctrl-C cancels it on the server.
    """
    check_target(session, output, detach, has_files=bool(subtitles))
    said = said_or_recorded(text, recording)
    form = studio.format_of(output, ratio, size, resolution, fps, quality, container)
    captions = studio.subtitles_of(subtitles, burn, subtitle_size, subtitle_place, highlight, second_language)
    with session.client() as hs:
        upload = asset_of(session, hs)
        backdrop = studio.background_of(background, key, upload)
        sound = studio.sound_of(music, music_level, loudness, upload)
        mark = studio.logo_of(logo, corner, upload)
        spoken, before, after = (upload(path) if path else None for path in (recording, intro, outro))

        def start() -> Job[VideoResult]:
            return hs.videos.create(
                text=said,
                audio_asset_id=spoken,
                avatar_id=avatar,
                model=model,
                voice_id=voice,
                language=language,
                synthesis=options.synthesis(speed, seed),
                engine=engine,
                engines=options.engines(asr, llm, tts),
                fallback=fallback,
                device=device,
                subtitles=captions,
                format=form,
                background=backdrop,
                framing=framing.value if framing else None,
                sound=sound,
                logo=mark,
                intro_asset_id=before,
                outro_asset_id=after,
                restore=restore,
                max_side_px=max_side,
            )

        make(session, hs, start, output, detach)


def check_target(session: Session, output: str | None, detach: bool, *, has_files: bool) -> None:
    """Where a video goes must be known before it is made. Raises ``UsageError``."""
    if detach == (output is not None):
        raise UsageError(
            "say where to: -o FILE.mp4 (- is stdout); or --detach, then `huasheng jobs get JOB -o FILE.mp4`"
        )
    check_output(session, output, *ENDINGS)
    if output == PIPE and has_files:
        raise UsageError("files of subtitles have no place beside stdout: give -o a file, or use --burn")


def make(
    session: Session, hs: Huasheng, start: Callable[[], Job[VideoResult]], output: str | None, detach: bool
) -> None:
    """Start it, wait for it, save it and its subtitles."""
    if detach or output is None:
        show_started(session, following.started(start, hs, session))
        return
    job, made = following.result(session, hs, start, "video")
    session.note_changes(made.fallbacks, made.warnings)
    fetch(session, hs, made.video_url, output)
    saved = [] if output == PIPE else save_subtitles(session, hs, made, Path(output))
    size = f"{made.duration_s:.1f} s, {made.width}×{made.height}"
    data = {"job_id": job.id, "file": output, "subtitle_files": saved, **made.model_dump(mode="json")}
    session.show("\n".join([f"{output}: {size}", *saved]), data)


def save_subtitles(session: Session, hs: Huasheng, made: VideoResult, video: Path) -> list[str]:
    """Their files, named as the video is."""
    links: Mapping[str, str] = made.subtitles_urls or ({"vtt": made.subtitles_url} if made.subtitles_url else {})
    out = []
    for ending, url in sorted(links.items()):
        path = str(video.with_suffix(f".{ending}"))
        fetch(session, hs, url, path)
        out.append(path)
    return out
