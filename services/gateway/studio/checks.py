"""What is wrong with a video of scenes, found before its work starts."""

from __future__ import annotations

import asyncio
from typing import Any

from services.common.errors import HuashengError
from services.gateway.api.checks import kind_words, speech_asset
from services.gateway.catalogue.avatars import check_avatar_and_model
from services.gateway.catalogue.voices import with_voice
from services.gateway.context import Gateway
from services.gateway.store.db import Row
from services.gateway.studio.scenes import of_scene
from services.gateway.studio.script import parse_script
from services.gateway.studio.script_pieces import Said
from services.gateway.studio.translate import can_translate

AT_ONCE = 8
"""Texts that are judged at once."""
_NEEDED = {
    "image": ("a picture", "图片"),
    "video": ("a film", "视频"),
    "sound": ("a recording or a film with sound", "录音或有声视频"),
}
_KINDS = {"picture": "image", "film": "video"}


async def check_studio(gateway: Gateway, owner: str, params: dict[str, Any], *, is_moderated: bool = True) -> str:
    """Check all that can be known of the parameters of a video of scenes. Returns the name of the first avatar.

    ``is_moderated`` false: the words are looked at later.

    Raises what a plain video raises, with the number of the scene; ``ssml-broken``, ``no-language-model``,
    ``wrong-kind`` and ``unknown-id`` for files.
    """
    scenes, limit = params["scenes"], gateway.settings.max_script_chars
    count = sum(len(s["text"] or "") for s in scenes)
    if count > limit:
        raise HuashengError("long-text", count=count, limit=limit)
    if earlier := params["from_job_id"]:
        row = await asyncio.to_thread(gateway.jobs.get, owner, earlier)
        if row["kind"] != "video":
            raise HuashengError("unknown-id", kind="job", id=earlier)
    await _check_files(gateway, owner, params)
    words = [await _words(gateway, owner, index, s) for index, s in enumerate(scenes)]
    if is_moderated:
        await moderate(gateway, words)
    names: dict[tuple[str | None, str | None], str] = {}
    for index, scene in enumerate(scenes):
        key = scene["avatar_id"], scene["model"]
        if key not in names:
            try:
                drawn = await asyncio.to_thread(gateway.shares.drawn, owner, *key)
                names[key] = await check_avatar_and_model(gateway.clients, *drawn)
            except HuashengError as e:
                raise of_scene(e, index) from e
    await _check_language(gateway, params["subtitles"])
    return names[scenes[0]["avatar_id"], scenes[0]["model"]]


async def _words(gateway: Gateway, owner: str, index: int, scene: dict[str, Any]) -> str:
    """All words that are said or shown in a scene."""
    shown = [w for cue in scene["cues"] or () for w in (cue["text"], cue["second"]) if w]
    try:
        if scene["text"] is None:
            await speech_asset(gateway, owner, scene["audio_asset_id"])
            return "\n".join(shown)
        script = parse_script(scene["text"], scene["language"] or "")
        said = [p.text for p in script.pieces if isinstance(p, Said)]
        if not said:
            raise HuashengError("empty-text")
        return "\n".join(said + [p.shown for p in script.pieces if isinstance(p, Said)] + shown)
    except HuashengError as e:
        raise of_scene(e, index) from e


async def moderate(gateway: Gateway, words: list[str]) -> None:
    """Raises ``words-refused`` with the number of the first text that may not be said."""
    waiting = iter(enumerate(words))

    async def some() -> None:
        for index, text in waiting:  # shared: each takes the next one
            if text:
                try:
                    await gateway.clients.moderation.check(text)
                except HuashengError as e:
                    raise of_scene(e, index) from e

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(some())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _check_files(gateway: Gateway, owner: str, params: dict[str, Any]) -> None:
    for name in ("intro_asset_id", "outro_asset_id"):
        if params[name]:
            await _file(gateway, owner, params[name], "video")
    if params["logo"]:
        await _file(gateway, owner, params["logo"]["asset_id"], "image")
    if music := (params["sound"] or {}).get("music"):
        await _file(gateway, owner, music["asset_id"], "sound")
    for index, scene in enumerate(params["scenes"]):
        ground = scene["background"]
        if ground and ground["kind"] in _KINDS:
            try:
                await _file(gateway, owner, ground["asset_id"], _KINDS[ground["kind"]])
            except HuashengError as e:
                raise of_scene(e, index) from e


async def _file(gateway: Gateway, owner: str, asset_id: str, needed: str) -> Row:
    """A file of the kind that is needed. Raises ``unknown-id``, ``wrong-kind``."""
    row = await asyncio.to_thread(gateway.assets.get, owner, asset_id)
    fits = row["kind"] == needed or (needed == "sound" and row["has_audio"])
    if not fits:
        words, words_zh = _NEEDED[needed]
        kind = kind_words(row["kind"])
        raise HuashengError("wrong-kind", name=row["name"], **kind, needed=words, needed_zh=words_zh)
    return row


async def _check_language(gateway: Gateway, subtitles: Any) -> None:
    if wanted := subtitles.get("second_language") if isinstance(subtitles, dict) else None:
        await check_translator(gateway, wanted)


async def check_translator(gateway: Gateway, wanted: str) -> None:
    """Raises ``no-language-model`` where nothing can translate into the language ``wanted`` (BCP 47)."""
    try:
        able = await can_translate(gateway.clients)
    except HuashengError as e:
        if not e.retryable:
            raise
        return  # it is down or loading: the job will wait for it
    if not able:
        raise HuashengError("no-language-model", language=wanted)


async def with_voices(gateway: Gateway, owner: str, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the avatar's voice in scenes that name none. Raises as ``with_voice``, with the scene."""
    known: dict[str, str | None] = {}
    scenes = []
    for index, scene in enumerate(params["scenes"]):
        if scene["text"] is not None:
            asked = {k: scene[k] for k in ("avatar_id", "model", "voice_id", "synthesis")}
            if (key := repr(asked)) not in known:
                try:
                    known[key] = (await with_voice(gateway, owner, params | scene))["voice_id"]
                except HuashengError as e:
                    raise of_scene(e, index) from e
            scene = scene | {"voice_id": known[key]}
        scenes.append(scene)
    return params | {"scenes": scenes}
