"""How a function becomes a command: with the options that all have, and an exit code for each failure."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from huasheng.cli import exits
from huasheng.cli.session import Session
from huasheng.errors import HuashengError

Run = Callable[..., None]


class Language(StrEnum):
    """Languages of the server's messages."""

    ZH = "zh"
    EN = "en"


Url = Annotated[
    str | None, typer.Option("--url", help="Address of the gateway; else HUASHENG_URL, else that of `huasheng login`.")
]
Lang = Annotated[
    Language | None, typer.Option("--lang", help="Language of the server's messages; else that of the locale.")
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout, failures as JSON on stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]
COMMON = {"url": (Url, None), "lang": (Lang, None), "is_json": (Json, False), "is_quiet": (Quiet, False)}


def command(app: typer.Typer, name: str) -> Callable[[Run], Run]:
    """Make a function, whose first parameter is the ``Session``, a command of ``app``."""

    def register(run: Run) -> Run:
        app.command(name)(with_session(run))
        return run

    return register


def with_session(run: Run, *, is_group: bool = False) -> Run:
    """The function as typer is to see it: without the session, with the common options.

    ``is_group``: it is what a group of commands does where none of them is named.
    """
    own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    common = [inspect.Parameter(n, keyword, default=d, annotation=a) for n, (a, d) in COMMON.items()]

    def command(ctx: typer.Context, **given: Any) -> None:
        if is_group and ctx.invoked_subcommand is not None:
            if any(given[p.name] != p.default for p in (*own, *common)):
                raise typer.BadParameter(f"options go after it: {ctx.command_path} {ctx.invoked_subcommand} …")
            return
        url, lang, is_json, is_quiet = (given.pop(name) for name in COMMON)
        session = Session(url, lang.value if lang else None, is_json, is_quiet)
        carry_out(session, lambda: run(session, **given))

    context = inspect.Parameter("ctx", keyword, annotation=typer.Context)
    parameters = [context, *(p.replace(kind=keyword) for p in own), *common]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__name__, command.__doc__ = run.__name__, run.__doc__
    return command


def carry_out(session: Session, work: Callable[[], None]) -> None:
    """Do it. Raises ``typer.Exit`` with the code of a failure, which is told."""
    try:
        work()
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read has had enough; Python's own flush at the end must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(exits.FAILED) from None
    except KeyboardInterrupt:
        session.note("huasheng: interrupted")
        raise typer.Exit(exits.CANCELLED) from None
    except (HuashengError, exits.UsageError, OSError) as e:
        code = exits.code_of(e)
        session.fail(e, code)
        raise typer.Exit(code) from None
