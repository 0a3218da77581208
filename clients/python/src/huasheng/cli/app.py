"""The command ``huasheng`` as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from huasheng._version import VERSION
from huasheng.cli import exits
from huasheng.cli.commanding import command
from huasheng.cli.commands import ask, avatars, jobs, login, say, scenes, talk, train, verify, video, voices

app = typer.Typer(
    name="huasheng",
    help="画声 Huasheng from a shell: speech, answers and videos of a talking digital human.",
    epilog=exits.TEXT,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
command(app, "say")(say.say)
command(app, "ask")(ask.ask)
command(app, "talk")(talk.talk)
command(app, "video")(video.video)
command(app, "scenes")(scenes.scenes)
command(app, "train")(train.train)
app.add_typer(avatars.app, name="avatars")
app.add_typer(voices.app, name="voices")
app.add_typer(jobs.app, name="jobs")
command(app, "verify")(verify.verify)
command(app, "login")(login.login)
command(app, "logout")(login.logout)


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"huasheng {VERSION}")
        raise typer.Exit


@app.callback()
def huasheng(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and leave.")] = False,
) -> None:
    """The gateway is that of --url, else HUASHENG_URL, else of `huasheng login`, else http://127.0.0.1:5001; the key
    is HUASHENG_API_KEY, else that of `huasheng login`."""


def run() -> None:
    """Carry out the command line."""
    app(prog_name="huasheng")
