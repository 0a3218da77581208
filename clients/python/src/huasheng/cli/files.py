"""What comes in and goes out: texts, recordings, files and pipes."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from huasheng._files import FileInput, write_whole
from huasheng._sync.client import Huasheng
from huasheng.cli.exits import UsageError
from huasheng.cli.progress import bytes_bar
from huasheng.cli.session import Session
from huasheng.models import Asset

PIPE = "-"
Output = Annotated[str | None, typer.Option("--output", "-o", help="Where to; - is stdout.", metavar="FILE")]


def file_or_pipe(path: Path | None) -> Path | None:
    """A file that is there, or ``-``. Raises ``typer.BadParameter``."""
    if path is not None and str(path) != PIPE and not path.is_file():
        raise typer.BadParameter(f"file '{path}' does not exist")
    return path


def text_of(given: str | None) -> str:
    """The argument, or stdin for ``-`` and where a pipe is connected. Raises ``UsageError``."""
    if given is not None and given != PIPE:
        return given
    if given is None and sys.stdin.isatty():
        raise UsageError("say what: TEXT, or - for stdin")
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8-sig").rstrip("\n")
    except UnicodeDecodeError:
        raise UsageError("the text from stdin is not UTF-8") from None


def input_of(path: Path) -> FileInput:
    """A file, or stdin for ``-``."""
    return sys.stdin.buffer if str(path) == PIPE else path


def upload(session: Session, hs: Huasheng, path: Path) -> Asset:
    """Upload a file, or stdin."""
    is_pipe = str(path) == PIPE
    with bytes_bar(session, "stdin" if is_pipe else path.name) as count:
        return hs.assets.upload(input_of(path), name="stdin" if is_pipe else None, progress=count)


def check_output(session: Session, output: str | None, *endings: str) -> None:
    """Look at where the result shall go before any work begins. Raises ``UsageError``."""
    if output is None:
        return
    if output == PIPE:
        if session.is_json:
            raise UsageError("--json and -o - both want stdout: give -o a file")
        if sys.stdout.isatty():
            raise UsageError("a terminal cannot show it: give -o a file, or connect a pipe")
        session.is_binary = True
        return
    path = Path(output)
    if path.suffix.lower() not in endings:
        raise UsageError(f"{output}: the name must end in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder")


def write(output: str, data: bytes) -> None:
    """To a file, which is there whole or not at all, or to stdout. Raises ``OSError``."""
    if output == PIPE:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_whole(Path(output), data)


def fetch(session: Session, hs: Huasheng, url: str, output: str) -> None:
    """Download to a file, or by way of one to stdout, so that a broken connection is taken up again."""
    if output != PIPE:
        with bytes_bar(session, Path(output).name) as count:
            hs.download(url, output, progress=count)
        return
    with tempfile.TemporaryDirectory(prefix="huasheng-") as folder:
        path = hs.download(url, Path(folder) / "result")
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def asset_of(session: Session, hs: Huasheng) -> Callable[[Path], str]:
    """Uploads a file and returns its id; one that is named twice is sent once."""
    known: dict[Path, str] = {}

    def of(path: Path) -> str:
        if path not in known:
            known[path] = upload(session, hs, path).id
        return known[path]

    return of
