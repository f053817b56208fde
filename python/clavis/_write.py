"""Output that is whole or not there: everything is written beside its place, then renamed into it."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clavis._clavis import InputError
from clavis._extras import require
from clavis.table import Table

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Folder", "guarded", "print_csv", "to_json", "write_table"]

# What marks a folder as the output of a run; renamed into place last, so that where it is there, all of it is.
MANIFEST = "clavis.json"

# A spreadsheet runs a cell that begins so as a formula, in its full-width forms too.
_FORMULA = r"^[\t\r\n]|^\s*[=+\-@＝＋－＠]"


class Folder:
    """A folder under construction.

    Files are written into a folder beside the final one (``.NAME.partial-PID``). :meth:`commit` moves them: by one
    rename where the final folder does not exist yet, else file by file, where whatever else is in it stays as it was.
    A process that is killed leaves the old output, the new one, or, within the renames of a second run, whole files of
    both without a manifest.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.files: dict[str, str] = {}
        if target.exists() and not target.is_dir():
            raise InputError(f"{target}: exists and is not a folder")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._sweep()
            self._partial = target.parent / f".{target.name}.partial-{os.getpid()}"
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir()
        except OSError as error:
            raise InputError(f"{target}: cannot be written: {error.strerror}") from error

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._partial, ignore_errors=True)

    @contextlib.contextmanager
    def add(self, name: str, description: str) -> Iterator[Path]:
        """A path to write the file ``name`` to."""
        path = self._partial / name
        try:
            yield path
            _flush(path)
        except OSError as error:
            raise InputError(f"{self.target / name}: cannot be written: {error.strerror}") from error
        self.files[name] = description

    def add_text(self, name: str, description: str, text: str) -> None:
        with self.add(name, description) as path:
            path.write_text(text, encoding="utf-8")

    def add_json(self, name: str, description: str, data: Any) -> None:
        self.add_text(name, description, to_json(data))

    def add_table(self, stem: str, description: str, table: Table) -> None:
        """The table twice: ``stem.parquet`` with its types, ``stem.csv`` for spreadsheets."""
        arrow = _to_arrow(table)
        for name in (f"{stem}.parquet", f"{stem}.csv"):
            with self.add(name, description) as path:
                _write_arrow(arrow, path)

    def commit(self, facts: dict[str, Any]) -> None:
        """Move everything into place, the manifest last."""
        self.add_json(MANIFEST, "what this folder holds", {**facts, "files": dict(self.files)})
        self.files.pop(MANIFEST)
        try:
            if not self.target.exists():
                self._partial.rename(self.target)
                return
            old = self._old_files()
            (self.target / MANIFEST).unlink(missing_ok=True)
            for name in sorted(old - set(self.files)):
                (self.target / name).unlink(missing_ok=True)
            for name in (*self.files, MANIFEST):
                os.replace(self._partial / name, self.target / name)
        except OSError as error:
            raise InputError(f"{self.target}: cannot be written: {error.strerror}") from error

    def _old_files(self) -> set[str]:
        """The files of an earlier run, by its manifest; only plain names, whatever the manifest says."""
        try:
            names = json.loads((self.target / MANIFEST).read_text(encoding="utf-8"))["files"]
            return {name for name in names if re.fullmatch(r"[a-z][a-z0-9_.-]*", name)}
        except (OSError, ValueError, TypeError, KeyError):
            return set()

    def _sweep(self) -> None:
        """Remove what killed runs left beside the target."""
        for left in self.target.parent.glob(f".{glob.escape(self.target.name)}.partial-*"):
            process = left.name.rpartition("-")[2]
            if process.isdigit() and not _is_running(int(process)):
                shutil.rmtree(left, ignore_errors=True)


def write_table(table: Table, path: Path) -> None:
    """One table as one CSV or Parquet file, whole or not there."""
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"{path}: the name must end in .csv or .parquet")
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix.lower()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_arrow(_to_arrow(table), partial)
        _flush(partial)
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def print_csv(table: Table) -> None:
    """One table as CSV to the standard output."""
    buffer = require("pyarrow", "io", "writing CSV").BufferOutputStream()
    require("pyarrow.csv", "io", "writing CSV").write_csv(guarded(_to_arrow(table)), buffer)
    sys.stdout.write(buffer.getvalue().to_pybytes().decode("utf-8"))


def guarded(table: pyarrow.Table) -> pyarrow.Table:
    """The table with an apostrophe before every text that a spreadsheet would run as a formula."""
    compute = require("pyarrow.compute", "io", "writing CSV")
    pa = require("pyarrow", "io", "writing CSV")
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = table.column(position)
            risky = compute.match_substring_regex(column, _FORMULA)
            if compute.any(risky).as_py():
                mark, nothing = pa.scalar("'", field.type), pa.scalar("", field.type)
                safe = compute.if_else(risky, compute.binary_join_element_wise(mark, column, nothing), column)
                table = table.set_column(position, field.name, safe)
    return table.rename_columns(["'" + name if re.search(_FORMULA, name) else name for name in table.column_names])


def to_json(data: Any) -> str:
    """JSON for people and machines: NaN and infinity, which JSON has not, are null."""
    return json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    if hasattr(data, "tolist") and not isinstance(data, str):  # NumPy scalars and arrays
        return _plain(data.tolist())
    if isinstance(data, float):
        return data if -float("inf") < data < float("inf") else None
    if data is None or isinstance(data, (bool, int, str)):
        return data
    return str(data)


def _to_arrow(table: Table) -> pyarrow.Table:
    """The table with null in place of NaN: queries and spreadsheets know nulls."""
    pa = require("pyarrow", "io", "writing tables")
    compute = require("pyarrow.compute", "io", "writing tables")
    arrow = table.to_arrow()
    for position, field in enumerate(arrow.schema):
        if pa.types.is_floating(field.type):
            column = arrow.column(position)
            missing = compute.is_nan(column)
            known = compute.if_else(missing, pa.scalar(None, field.type), column)
            arrow = arrow.set_column(position, field.name, known)
    return arrow


def _write_arrow(arrow: pyarrow.Table, path: Path) -> None:
    writer: Callable[[pyarrow.Table, str], None]
    if path.suffix == ".parquet":
        writer = require("pyarrow.parquet", "io", "writing Parquet").write_table
    else:
        writer, arrow = require("pyarrow.csv", "io", "writing CSV").write_csv, _short_times(guarded(arrow))
    writer(arrow, str(path))


def _short_times(arrow: pyarrow.Table) -> pyarrow.Table:
    """The table without the fractions of whole seconds."""
    pa = require("pyarrow", "io", "writing CSV")
    for position, field in enumerate(arrow.schema):
        if pa.types.is_timestamp(field.type):
            with contextlib.suppress(pa.ArrowInvalid):  # some are no whole seconds
                seconds = arrow.column(position).cast(pa.timestamp("s", field.type.tz))
                arrow = arrow.set_column(position, field.name, seconds)
    return arrow


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
