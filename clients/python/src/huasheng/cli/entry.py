"""Where the console script begins: it says what to install where the command's own packages are missing."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. Leaves with one of the codes of ``huasheng.cli.exits``."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ModuleNotFoundError as e:
        sys.stderr.write(f"huasheng: {e.name} is missing. Install it: pip install 'huasheng-client[cli]'\n")
        raise SystemExit(1) from None
    from huasheng.cli.app import run

    run()
