"""Marks of what is given out while it is made and is no file afterwards: speech, and turns of the gRPC service."""

from __future__ import annotations

import asyncio
import logging

from services.common.audio import from_pcm16
from services.common.errors import HuashengError
from services.gateway.ids import new_id
from services.gateway.marks.label import mp4_with, wav_head
from services.gateway.marks.marker import Made, Marker
from services.gateway.marks.sound_print import SoundPrinter
from services.gateway.turn.events import Event, Media, SpeechAudio, SpeechHeader

log = logging.getLogger("huasheng.gateway.marks")


class StreamPrint:
    """Remembers speech by its fingerprint, which is made while the speech passes."""

    def __init__(self, marker: Marker, made: Made, sample_rate_hz: int) -> None:
        self._marker, self._made = marker, made
        self._printer = SoundPrinter(sample_rate_hz)

    def add(self, pcm: bytes) -> None:
        """Sound that was given out."""
        self._printer.push(from_pcm16(pcm))

    def remember(self) -> None:
        """Keep the fingerprint, in a thread of its own: the stream may have been broken off."""
        asyncio.get_running_loop().run_in_executor(None, self._keep)

    def _keep(self) -> None:
        try:
            self._marker.remember_speech(self._made, self._printer.finish())
        except HuashengError as e:  # the speech is out and has its label
            log.warning("speech will not be known again by its sound", extra={"reason": e.slug})


class MarkedSpeech:
    """A WAV that is streamed: its label stands before the sound, its fingerprint is kept."""

    def __init__(self, marker: Marker, owner: str, header: SpeechHeader) -> None:
        made = Made(
            new_id("s"), owner, kind="speech", engine=header.engine, has_pictures=False, voice_id=header.voice_id
        )
        self._marker, self._made, self._rate = marker, made, header.sample_rate_hz
        self._print = StreamPrint(marker, made, header.sample_rate_hz)

    def begin(self) -> bytes:
        """What comes before the samples, the audible mark with it."""
        return wav_head(self._rate, self._marker.label(self._made.id)) + self._marker.opening(self._rate)

    def add(self, pcm: bytes) -> bytes:
        """The samples themselves."""
        self._print.add(pcm)
        return pcm

    def remember(self) -> None:
        """The end, also an early one."""
        self._print.remember()


class MarkedTurn:
    """A turn whose video is streamed: label in the MP4's head, fingerprint of the speech."""

    def __init__(self, marker: Marker, owner: str, turn_id: str) -> None:
        self._marker, self._owner, self._turn_id = marker, owner, turn_id
        self._print: StreamPrint | None = None

    def passed(self, event: Event) -> Event:
        """The event, marked where it is the beginning of the video."""
        match event:
            case SpeechHeader():
                made = Made(self._turn_id, self._owner, kind="turn", engine=event.engine, voice_id=event.voice_id)
                self._print = StreamPrint(self._marker, made, event.sample_rate_hz)
            case SpeechAudio() if self._print:
                self._print.add(event.pcm)
            case Media(data, 0):
                return Media(mp4_with(data, self._marker.label(self._turn_id)), 0)
        return event

    def remember(self) -> None:
        """The end of the turn."""
        if self._print:
            self._print.remember()
