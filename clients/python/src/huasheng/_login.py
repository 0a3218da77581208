"""Where programs on this machine keep the gateway's address and the API key: one file that only its owner can read.

``huasheng login`` writes it; the commands and the MCP server read it. The library itself does not.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

from huasheng._protocol import DEFAULT_URL, Settings


class LoginFileError(Exception):
    """The file is there and cannot be used; the text says where and why, and nothing of what is in it."""


@dataclass(frozen=True)
class Login:
    """An address and its key. The key belongs to that address and is sent nowhere else."""

    url: str
    api_key: str | None = field(default=None, repr=False)


def config_file() -> Path:
    """The file, in the user's own folder for settings, as the platform has it."""
    home = Path.home()
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return folder / "huasheng" / "login.json"


def load() -> Login | None:
    """What was stored; None without. Raises ``LoginFileError``."""
    path = config_file()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Login(url=str(data["url"]), api_key=data["api_key"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise LoginFileError(f"{path} cannot be read ({type(e).__name__}). Remove it, then `huasheng login`.") from None


def save(login: Login) -> Path:
    """Store it with mode 0600, whole or not at all. Raises ``OSError``."""
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(login), file)
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    return path


def forget() -> bool:
    """Remove what was stored; whether there was anything. Raises ``OSError``."""
    try:
        config_file().unlink()
    except FileNotFoundError:
        return False
    return True


def choose(url: str | None) -> Login:
    """What to use: ``url``, else the environment, else what was stored, else this machine.

    A key from the environment goes first; the stored one is used for the address it was stored with only. Raises
    ``LoginFileError``; ``ValueError`` for what is no address.
    """
    environment = os.environ.get("HUASHENG_API_KEY") or None
    is_told = bool(environment or os.environ.get("HUASHENG_TOKEN"))
    asked = url or os.environ.get("HUASHENG_URL")
    stored = None if asked and is_told else load()
    address = plain(asked or (stored.url if stored else DEFAULT_URL))
    if is_told:
        return Login(address, environment)
    return Login(address, stored.api_key if stored and same(stored.url, address) else None)


def plain(url: str) -> str:
    """An address as it is compared and stored. Raises ``ValueError``."""
    return Settings.choose(url, None, None).url


def same(one: str, other: str) -> bool:
    """Whether two addresses are written alike, but for a slash at the end and upper case."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def language() -> str:
    """``zh`` or ``en``: that of the user's locale, English where it is another."""
    told = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if told.lower().startswith("zh") else "en"
