"""What a live session starts with: who is drawn and who speaks, checked before it begins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.common.script import language_of
from services.gateway.catalogue.avatars import check_avatar_and_model, get_avatar, get_model
from services.gateway.catalogue.voices import check_voice, voice_of_avatar
from services.gateway.context import Gateway
from services.gateway.live.messages import Hello
from services.gateway.turn.choices import AvatarChoice, VoiceChoice


@dataclass(frozen=True)
class Choices:
    """Fixed for the session."""

    owner: str
    hello: Hello
    avatar: AvatarChoice
    voice: VoiceChoice
    fps: float
    """Of the avatar's idle loop."""
    conversation_id: str

    def language(self, of_page: str) -> str:
        """The language of greetings: the given one, else that of the persona, else the page's."""
        return (self.hello.language or language_of(self.hello.persona) or of_page)[:2]


async def choices(gateway: Gateway, owner: str, hello: Hello) -> Choices:
    """Raises ``unknown-id``, ``unknown-voice``, and what the services raise."""
    g, engines = gateway, hello.engines
    conversation = await asyncio.to_thread(g.conversations.open, owner, hello.conversation_id or None)
    await check_avatar_and_model(g.clients, owner, hello.avatar_id, hello.model)
    avatar_id = hello.avatar_id
    if hello.model and not avatar_id:
        avatar_id = (await get_model(g.clients, owner, hello.model)).avatar_id
    fps = (await get_avatar(g.clients, owner, avatar_id)).fps
    voice_id, tts = hello.voice_id, engines.get("tts", "")
    if not voice_id and not tts:
        voice_id = await voice_of_avatar(g.clients, g.avatar_voices, owner, hello.avatar_id, hello.model) or ""
    await check_voice(g.clients, owner, voice_id or None, tts, {})
    voice = VoiceChoice(
        owner,
        voice_id=voice_id,
        engine=tts,
        no_fallback=not hello.fallback,
        dictionary=tuple(await asyncio.to_thread(g.dictionary.all, owner)),
    )
    avatar = AvatarChoice(
        owner,
        avatar_id=hello.avatar_id,
        engine=engines.get("render", ""),
        model_id=hello.model,
        max_side_px=hello.max_side_px,
        is_live=True,
    )
    return Choices(owner, hello, avatar, voice, fps, conversation)
