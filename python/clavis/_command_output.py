"""What the commands show: progress while they work, and the summary when they are done."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from clavis import _text

__all__ = ["Page", "Stages"]


class Stages:
    """Progress of long steps on a terminal; silent elsewhere. Called as the library's ``progress``."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._console = Console(stderr=True)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Stages:
        if self._console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<28}"),
                BarColumn(bar_width=30),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
        for note in self.notes:
            print(f"note: {note}", file=sys.stderr)

    def __call__(self, stage: str, done: float) -> bool:
        if self._bars is not None:
            if stage not in self._tasks:
                for task in self._tasks.values():
                    self._bars.update(task, completed=1.0, total=1.0)
                # A step that only begins has no share to show.
                self._tasks[stage] = self._bars.add_task(stage, total=None if done == 0.0 else 1.0)
            if done > 0.0:
                self._bars.update(self._tasks[stage], completed=done, total=1.0)
        return True


class _Output(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller: a reader that has had enough is no failure."""
        raise BrokenPipeError


class Page:
    """The summary on the standard output: coloured and folded at words on a terminal, as it is elsewhere."""

    def __init__(self) -> None:
        self._console = _Output(highlight=False, soft_wrap=True)

    def title(self, text: str, style: str = "bold cyan") -> None:
        self.line(text, style, indent="")

    def line(self, text: str, style: str = "", indent: str = "  ") -> None:
        lines = [indent + text]
        if self._console.is_terminal:
            lines = textwrap.wrap(
                lines[0],
                self._console.width,
                subsequent_indent="    " + indent,
                break_long_words=False,
                break_on_hyphens=False,
            ) or [""]
        for line in lines:
            self._console.print(Text(line, style=style))

    def raw(self, text: str, style: str = "") -> None:
        self._console.print(Text("  " + text, style=style))

    def gap(self) -> None:
        self._console.print()

    def summary(self, title: str, parts: Sequence[_text.Section]) -> None:
        self.title(title, "bold")
        for part in parts:
            self.gap()
            self.title(part.title)
            if isinstance(part, _text.Lines):
                for line in part.lines:
                    self.line(line, "yellow" if line.lstrip().startswith("warning:") else "")
                continue
            for number, line in enumerate(part.lines()):
                self.raw(line, "" if number else "dim")
            if part.remark:
                self.line(part.remark, "dim")

    def files(self, out: Path, files: dict[str, str]) -> None:
        self.gap()
        self.title(f"Written to {out}")
        grid: dict[str, list[str]] = {}
        for name, description in files.items():
            grid.setdefault(description, []).append(name)
        for line in _text.Grid("", ["", ""], [[", ".join(names), what] for what, names in grid.items()], 2).lines()[1:]:
            self.raw(line)

    def next(self, lines: Sequence[str]) -> None:
        self.gap()
        self.title("Next")
        for line in lines:
            self.line(line)
