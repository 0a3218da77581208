"""What every command has: the gateway, the language, and where to write what."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.text import Text

from huasheng import _login
from huasheng._sync.client import Huasheng
from huasheng.cli.exits import UsageError
from huasheng.errors import JobFailedError, ProblemError
from huasheng.models import Fallback, Problem, TextWarning

Data = Mapping[str, Any] | Sequence[Any] | BaseModel
PIPE_WIDTH = 1000
FIX = {"sign-in-needed": "`huasheng login` stores an API key.", "key-refused": "`huasheng login` stores another one."}
"""What one does about it here, beside what the server says."""


@dataclass
class Session:
    """One run of the command. Results go to stdout, everything else to stderr."""

    url: str | None = None
    language: str | None = None
    is_json: bool = False
    is_quiet: bool = False
    is_binary: bool = False
    """Whether stdout is the file that is made: then words for people go to stderr."""

    def __post_init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):  # a console without Chinese shows ? and goes on
                reconfigure(errors="replace", **({"encoding": "utf-8"} if self.is_json else {}))
        self.language = self.language or _login.language()
        self.console = console_of(is_error=True)
        if self.is_quiet:
            logging.getLogger("huasheng").addHandler(logging.NullHandler())

    @property
    def has_bars(self) -> bool:
        """Whether somebody looks at a terminal."""
        return self.console.is_terminal and not self.is_quiet

    def login(self) -> _login.Login:
        """The gateway's address and key. Raises ``UsageError``."""
        try:
            return _login.choose(self.url)
        except (ValueError, _login.LoginFileError) as e:
            raise UsageError(str(e)) from None

    def client(self) -> Huasheng:
        """The gateway. Raises ``UsageError``."""
        found = self.login()
        return Huasheng(found.url, api_key=found.api_key, language=self.language)

    def show(self, human: RenderableType, data: Data) -> None:
        """The result, for people or for a program."""
        if self.is_json:
            print_json(data)
            return
        sys.stdout.flush()
        console = self.console if self.is_binary else console_of(is_error=False)
        console.print(Text(human) if isinstance(human, str) else human)

    def note(self, text: str) -> None:
        """What is good to know meanwhile."""
        if not self.is_quiet:
            self.console.print(Text(text))

    def note_changes(self, fallbacks: Sequence[Fallback], warnings: Sequence[TextWarning]) -> None:
        """That something is not as it was asked for."""
        for f in fallbacks:
            voice = f", voice {f.used_voice} in place of {f.wanted_voice}" if f.used_voice != f.wanted_voice else ""
            self.note(f"{f.service}: {f.used} in place of {f.wanted} ({f.reason}){voice}")
        for w in warnings:
            self.note(f"{w.reason}: {w.text}")

    def fail(self, error: BaseException, code: int) -> None:
        """Say why it did not work, on stderr."""
        problem = error.problem if isinstance(error, ProblemError | JobFailedError) else None
        if self.is_json:
            told = problem.model_dump(mode="json") if problem else {"title": str(error), "reason": ""}
            print_json({"error": told, "exit_code": code}, is_error=True)
        elif problem:
            self.console.print(Text(f"huasheng: {words(problem)}"))
        else:
            self.console.print(Text(f"huasheng: {error}"))


def console_of(*, is_error: bool) -> Console:
    """A console that shows texts as they are: brackets are no markup. In a pipe nothing is cut to a width."""
    stream = sys.stderr if is_error else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=is_error, highlight=False, markup=False, emoji=False, soft_wrap=True, width=width)


def words(problem: Problem) -> str:
    """A problem in the server's words, with what finds it in its log."""
    found = " ".join(p for p in (problem.detail or problem.title, problem.hint, FIX.get(problem.reason, "")) if p)
    request = f", request {problem.request_id}" if problem.request_id else ""
    return f"{found} [{problem.reason or problem.status}{request}]"


def print_json(data: Data, *, is_error: bool = False) -> None:
    """One line."""
    stream = sys.stderr if is_error else sys.stdout
    stream.write(json.dumps(plain(data), ensure_ascii=False, allow_nan=False) + "\n")
    stream.flush()


def plain(data: Any) -> Any:
    """What JSON can say; sound itself is left out."""
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json", exclude={"wav"})
    if isinstance(data, Mapping):
        return {k: plain(v) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [plain(v) for v in data]
    return data
