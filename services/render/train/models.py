"""Trained models in storage: ``models/<owner>/<model_id>/`` with ``model.json``, ``preview.jpg`` and the weights.

A model is there when its ``model.json`` is, which is written last and deleted first.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from services.common.errors import HuashengError
from services.common.records import read_record
from services.common.storage import Storage
from services.render.avatars.store import BUILTIN, check_ids
from services.render.train.comparison import AFTER, BEFORE
from services.render.train.job import PREVIEW, TrainingResult

log = logging.getLogger("huasheng.render")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
RECORD = "model.json"


@dataclass(frozen=True)
class ModelRecord:
    """What ``model.json`` holds."""

    model_id: str
    owner: str
    name: str
    engine: str
    avatar_id: str
    training_id: str
    steps: int
    result: TrainingResult
    sha256: str
    created_at: float

    def to_json(self) -> bytes:
        """The file's content."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> ModelRecord:
        """The record of a file's content. Raises ``ValueError`` for a damaged one."""
        return read_record(cls, data)


class ModelStore:
    """Finds, adds and deletes models."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def key(self, owner: str, model_id: str, name: str = "") -> str:
        """Storage key of a file of a model, or of its folder. Raises ``unknown-id`` for an impossible id."""
        check_ids(owner, BUILTIN)
        if not _ID.fullmatch(model_id):
            raise HuashengError("unknown-id", kind="model", id=model_id[:100])
        return f"models/{owner}/{model_id}" + (f"/{name}" if name else "")

    def get(self, owner: str, model_id: str) -> ModelRecord:
        """A model's record. Raises ``unknown-id``, also when it cannot be read."""
        try:
            record = ModelRecord.from_json(self.storage.read(self.key(owner, model_id, RECORD)))
            if (record.owner, record.model_id) == (owner, model_id):
                return record
        except FileNotFoundError:
            raise HuashengError("unknown-id", kind="model", id=model_id) from None
        except (ValueError, IsADirectoryError):
            pass
        log.warning("the record of a model is damaged; delete the model", extra={"model": model_id})
        raise HuashengError("unknown-id", kind="model", id=model_id)

    def list(self, owner: str) -> list[ModelRecord]:
        """The owner's models, newest first."""
        check_ids(owner, BUILTIN)

        def find(name: str) -> ModelRecord | None:
            try:
                return self.get(owner, name)
            except HuashengError as e:
                if e.slug != "unknown-id":  # one that is being deleted, or damaged: it must not hide the others
                    raise
                return None

        names = [key.rsplit("/", 1)[1] for key in self.storage.list(f"models/{owner}")]
        found = self.storage.each(find, [name for name in names if _ID.fullmatch(name)])
        return sorted((r for r in found if r), key=lambda r: -r.created_at)

    def add(self, record: ModelRecord, made: Path, files: Sequence[str]) -> None:
        """Put the ``files`` that a training made in their place; an older model of that name is replaced. They are no
        longer in ``made``."""
        self.delete_files(record.owner, record.model_id)
        for name in (*files, PREVIEW, BEFORE, AFTER):
            if (made / name).is_file():
                self.storage.take(self.key(record.owner, record.model_id, name), made / name)
        self.storage.put(self.key(record.owner, record.model_id, RECORD), record.to_json())

    @contextlib.contextmanager
    def local(self, record: ModelRecord, files: Sequence[str]) -> Iterator[Path]:
        """Local path of a model of one file, or of the folder of several (``RenderEngine.model_files``), while the
        block runs; of a bucket a copy, fetched where this machine has none. Raises ``bad-model``."""
        only = files[0] if len(files) == 1 else ""
        if self.storage.is_local:
            yield Path(self.storage.path(self.key(record.owner, record.model_id, only)))
            return
        keys = {name: self.key(record.owner, record.model_id, name) for name in files}
        version = f"model {record.owner} {record.model_id} {record.sha256} {record.created_at}"
        try:
            with self.storage.copy(
                version, lambda folder: self.storage.fetch({key: folder / name for name, key in keys.items()})
            ) as folder:
                yield folder / only
        except FileNotFoundError as e:
            raise HuashengError("bad-model", id=record.model_id) from e

    def delete(self, owner: str, model_id: str) -> str:
        """Delete a model, also one whose record is damaged. Returns its training id, as far as that is known.

        Raises ``unknown-id``.
        """
        if not self.storage.exists(self.key(owner, model_id, RECORD)):
            raise HuashengError("unknown-id", kind="model", id=model_id)
        training_id = ""
        with contextlib.suppress(HuashengError):
            training_id = self.get(owner, model_id).training_id
        self.delete_files(owner, model_id)
        return training_id

    def forget_owner(self, owner: str) -> None:
        """Delete all models of an owner."""
        check_ids(owner, BUILTIN)
        self.storage.delete(f"models/{owner}")

    def delete_files(self, owner: str, model_id: str) -> None:
        """Delete a model's files; missing ones are fine."""
        self.storage.delete(self.key(owner, model_id, RECORD))
        self.storage.delete(self.key(owner, model_id))

    def delete_of_avatar(self, owner: str, avatar_id: str, also: Callable[[ModelRecord], None]) -> None:
        """Delete the models that belong to an avatar; ``also`` is called with each."""
        for record in self.list(owner):
            if record.avatar_id == avatar_id:
                self.delete_files(owner, record.model_id)
                also(record)
