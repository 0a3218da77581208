"""Writes ``docs/settings.md`` from the services' settings classes, so that the table cannot lie.

python -m tools.settings_docs [--check]
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import inspect
import sys
import textwrap

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from services.common.engines import settings_class
from services.common.settings import SharedSettings
from tools.system import ROOT, SERVICES

TARGET = ROOT / "docs" / "settings.md"
HEAD = """# Settings

Made by `make settings-docs` from the code; do not edit. Settings are environment variables;
a wrong one is refused at start.
"""


def described(cls: type[BaseSettings]) -> dict[str, str]:
    """The docstring under each field of a settings class and its bases."""
    out: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not issubclass(base, BaseSettings) or base is BaseSettings:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    out[name] = " ".join(words.split())
    return out


def table(cls: type[BaseSettings]) -> str:
    """One Markdown table. Raises ``ValueError`` for a field without a docstring."""
    prefix, texts = str(cls.model_config.get("env_prefix", "")), described(cls)
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in cls.model_fields.items():
        if name not in texts:
            raise ValueError(f"{cls.__name__}.{name} has no docstring")
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        shown = str(default).replace(str(ROOT.home()), "~") if default not in (None, "") else ""
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"{prefix}{name.upper()}"
        text = texts[name].replace("|", "\\|")
        rows.append(f"| `{variable}` | {f'`{shown}`' if shown else ''} | {text} |")
    return "\n".join(rows)


def engine_settings(service: str) -> dict[str, type[BaseSettings]]:
    """The settings of a service's engines, by the names of the engines that share them."""
    if importlib.util.find_spec(f"services.{service}.engines") is None:
        return {}
    registry: dict[str, str] = importlib.import_module(f"services.{service}.engines.registry").REGISTRY
    names: dict[type[BaseSettings], list[str]] = {}
    for name, path in registry.items():
        if cls := settings_class(path):
            names.setdefault(cls, []).append(name)
    return {", ".join(of): cls for cls, of in names.items()}


def document() -> str:
    """The whole page."""
    parts = [HEAD, "## All services\n", table(SharedSettings), ""]
    for service in SERVICES:
        for cls in classes(f"services.{service}.settings"):
            parts += [f"## {service}\n", table(cls), ""]
        for engines, cls in engine_settings(service).items():
            parts += [f"### {engines}\n", table(cls), ""]
    return "\n".join(parts)


def classes(name: str) -> list[type[BaseSettings]]:
    """The settings classes that a module declares."""
    module = importlib.import_module(name)
    return [
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, BaseSettings) and c.__module__ == module.__name__
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    if parser.parse_args().check:
        sys.exit(
            0 if TARGET.read_text(encoding="utf-8") == document() else "docs/settings.md is old: make settings-docs"
        )
    TARGET.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
