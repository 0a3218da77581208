"""Makes an avatar of a video or portrait: the engine's work, then thumbnail and idle loop, put in place whole.

A film has neither of the two: it is not shown in a list and not live.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.media.pictures import picture_info
from services.render.avatars.idle import LOOP_VERSION, idle_pictures
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.clip.tracking import SPARE_S, check_size, source_warnings
from services.render.engines.base import RenderEngine
from services.render.engines.registry import engine_errors
from services.render.media.read import MAX_SOURCE_SIDE, kind_of, probe
from services.render.media.write import EncoderOptions, to_bgr, write_loop
from services.render.types import AvatarReport, Cancelled, Image, Kind, Progress

THUMBNAIL_SIDE = 320
_ENGINE_PART = 0.85  # of the time; the idle loop is the rest


class Preparer:
    """Prepares avatars into a store."""

    def __init__(self, store: AvatarStore, encoder: EncoderOptions) -> None:
        self.store, self.encoder = store, encoder

    def prepare(
        self,
        engine: RenderEngine,
        source: Path,
        owner: str,
        avatar_id: str,
        name: str,
        progress: Progress,
        cancelled: Cancelled,
        *,
        is_film: bool = False,
    ) -> AvatarRecord:
        """The avatar of a local file, from the store if the same was prepared before; with ``is_film`` of its whole
        length and in its own order.

        Raises ``wrong-kind`` and ``too-long`` for what is no film or too long a one, and what
        ``RenderEngine.prepare`` and ``probe`` raise; ``{name}`` in their texts is the avatar's name.
        """
        lock = self.store.lock(owner, avatar_id)
        while not lock.acquire(timeout=0.2):
            _stop_if(cancelled)
        try:
            digest = sha256_of_file(source)
            found = self.store.find(owner, avatar_id)
            if found and (found.source_sha256, found.engine, found.engine_version, found.is_film) == (
                digest,
                engine.name,
                engine.version,
                is_film,
            ):
                if found.name != name:
                    found = replace(found, name=name)
                    self.store.rewrite(found)
                return self._with_current_loop(found, engine, cancelled)
            with self.store.making(owner) as folder, engine_errors(engine.name):
                kind, report = self._make(engine, source, folder, progress, cancelled, is_film=is_film)
                record = AvatarRecord(
                    avatar_id,
                    owner,
                    name,
                    engine.name,
                    engine.version,
                    kind,
                    digest,
                    report,
                    time.time(),
                    LOOP_VERSION,
                )
                _stop_if(cancelled)
                return self.store.add(record, folder)
        except HuashengError as e:
            if "name" in e.params:  # the file's name within storage says nothing to a person
                raise HuashengError(e.slug, **{**e.params, "name": name or avatar_id}) from e
            raise
        finally:
            lock.release()

    def current(self, record: AvatarRecord, engine: RenderEngine, cancelled: Cancelled) -> AvatarRecord:
        """The avatar itself; made again when the engine is newer than its files, only its loop when that is older."""
        if record.engine_version == engine.version and (record.is_film or record.loop_version == LOOP_VERSION):
            return record
        with self.store.source(record) as source:
            return self.prepare(
                engine,
                source,
                record.owner,
                record.avatar_id,
                record.name,
                lambda _stage, _part: None,
                cancelled,
                is_film=record.is_film,
            )

    def _make(
        self,
        engine: RenderEngine,
        source: Path,
        folder: Path,
        progress: Progress,
        cancelled: Cancelled,
        *,
        is_film: bool,
    ) -> tuple[str, AvatarReport]:
        progress("open", 0.0)
        kind = cast(Kind, kind_of(source))
        if is_film:
            kind = _as_film(source, kind)
        warnings = _check(source, kind, engine)
        _keep_source(source, folder / "source")
        (folder / "engine").mkdir()
        report = engine.prepare(
            folder / "source",
            kind,
            folder / "engine",
            lambda stage, part: progress(stage, part * _ENGINE_PART),
            cancelled,
        )
        if not is_film:
            self._idle(engine, report, folder / "engine", folder, progress, cancelled)
            kind = "portrait" if report.frames == 1 else kind  # a video of one picture
        return kind, replace(report, warnings=tuple(dict.fromkeys([*warnings, *report.warnings])))

    def _with_current_loop(self, record: AvatarRecord, engine: RenderEngine, cancelled: Cancelled) -> AvatarRecord:
        if record.loop_version == LOOP_VERSION or record.is_film:
            return record
        current = replace(record, loop_version=LOOP_VERSION)
        with self.store.engine_files(record) as files, self.store.making(record.owner) as fresh:
            with engine_errors(engine.name):
                self._idle(engine, record.report, files, fresh, lambda _stage, _part: None, cancelled)
            self.store.replace_loop(current, fresh / "idle.mp4")
        return current

    def _idle(
        self,
        engine: RenderEngine,
        report: AvatarReport,
        avatar: Path,
        folder: Path,
        progress: Progress,
        cancelled: Cancelled,
    ) -> None:
        """Draw the loop of the engine's ``avatar`` and its first picture into ``folder``."""

        def pictures() -> Iterator[Image]:
            for n, frame in enumerate(idle_pictures(engine, avatar, 0, report.idle_frames / report.fps)):
                _stop_if(cancelled)
                if n == 0:
                    _write_thumbnail(folder / "thumbnail.jpg", frame.image)
                progress("idle", _ENGINE_PART + (1 - _ENGINE_PART) * (n + 1) / report.idle_frames)
                yield frame.image

        size = (report.width, report.height)
        drawn = write_loop(folder / "idle.mp4", pictures(), size, report.fps, self.encoder)
        if drawn != report.idle_frames:
            why = f"idle loop has {drawn} pictures instead of {report.idle_frames}"
            raise HuashengError("engine-failed", engine=engine.name, why=why)


def _check(source: Path, kind: Kind, engine: RenderEngine) -> list[str]:
    """What any engine would refuse or warn of, found before the long work begins."""
    if kind == "portrait":
        picture = picture_info(source, source.name, MAX_SOURCE_SIDE)
        width, height, seconds = picture.width, picture.height, 0.0
        warnings = ["only-first-picture"] if picture.animated else []
    else:
        info, warnings = probe(source), []
        width, height, seconds = info.width, info.height, info.duration_s
    check_size(width, height)
    limits = engine.limits_of(kind)
    if kind == "film" and seconds > limits.max_s + SPARE_S:
        raise HuashengError("too-long", name=source.name, seconds=round(seconds, 1), limit=round(limits.max_s))
    return warnings + source_warnings(width, height, seconds, limits)


def _as_film(source: Path, kind: Kind) -> Kind:
    if kind == "portrait":
        raise HuashengError(
            "wrong-kind", name=source.name, kind="a picture", kind_zh="图片", needed="a film", needed_zh="视频"
        )
    return "film"


def _keep_source(source: Path, to: Path) -> None:
    """A second name for the same file where the disk can do that, else a copy."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copyfile(source, to)


def _write_thumbnail(path: Path, image: Image) -> None:
    bgr = to_bgr(image)
    scale = min(1.0, THUMBNAIL_SIDE / max(bgr.shape[:2]))
    small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    path.write_bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


def _stop_if(cancelled: Cancelled) -> None:
    if cancelled():
        raise HuashengError("cancelled")
