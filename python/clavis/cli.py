"""The command line: ``clavis``, or ``python -m clavis``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for bad input, 2 for wrong usage, 130 when interrupted."""
    try:
        import rich
        import typer
    except ImportError as missing:
        print(f"clavis: the command line needs the package {missing.name}: pip install 'clavis[cli]'", file=sys.stderr)
        return 2
    from clavis import _command_scores  # its commands join those of _commands
    from clavis._commands import run

    del rich, typer, _command_scores
    return run(sys.argv[1:] if arguments is None else list(arguments))


if __name__ == "__main__":
    sys.exit(main())
