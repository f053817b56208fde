"""CSV files as typed SELECTs over DuckDB's reader.

DuckDB's own detection is lenient: one short row can turn a file into a single text column, and a date such as 5/6/2010
is read day first without a word. So the dialect comes from the header, the structure of every row is checked before
anything is typed, types are decided over every row, and what cannot be decided stays text.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from clavis._clavis import InputError

if TYPE_CHECKING:
    import duckdb

__all__ = ["csv_select", "identifier", "literal"]

_DELIMITERS = ",;\t|"
_HEAD_BYTES = 1 << 20
_SHOWN_TEXT = 120

# A text column is taken for dates with a few bad values, not for other text, from this share of good values on.
_MOSTLY = 0.9

_KEPT_TYPES = {"BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}

_DATE_SHAPE = re.compile(
    r"\s*(?P<a>\d{1,4})(?P<separator>[-/.])(?P<b>\d{1,2})(?P=separator)(?P<c>\d{1,4})"
    r"(?:(?P<gap>[ T])\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<fraction>\.\d+)?(?P<half>\s?[AaPp][Mm])?)?\s*"
)
_MONTH_NAME_SHAPE = re.compile(r"\s*\d{1,2}(?P<separator>[- /])[A-Za-z]{3}(?P=separator)(?P<year>\d{4}|\d{2})\s*")


def literal(text: str) -> str:
    """A string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def csv_select(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    *,
    encoding: str | None = None,
    date_format: str | None = None,
    scratch: Path,
) -> str:
    """Check the files and return a SELECT that yields their rows with names and types.

    Parameters
    ----------
    connection
        Where the files are looked at.
    paths
        Files with the same header, read one after the other.
    encoding
        A Python codec; by default UTF-8, or UTF-16 where a file begins with its mark.
    date_format
        A strptime format tried on every column before any other.
    scratch
        A directory for the UTF-8 copy of files in another encoding.
    """
    files = [_File.open(path, encoding, scratch, number) for number, path in enumerate(paths)]
    first = files[0]
    for other in files[1:]:
        if (other.names, other.delimiter) != (first.names, first.delimiter):
            raise InputError(
                f"{other.shown}: its header ({', '.join(other.names)}) differs from that of {first.shown} "
                f"({', '.join(first.names)})"
            )
    for file in files:
        _check_structure(connection, file)
    types = _merged_types([_sniffed_types(connection, file) for file in files])
    columns = _refined(connection, files, types, date_format)
    read = _scan(files, [column.read_as for column in columns])
    chosen = ", ".join(
        f"{column.expression} AS {identifier(name)}" for column, name in zip(columns, first.names, strict=True)
    )
    return f"SELECT {chosen} FROM {read}"


@dataclass
class _File:
    """A CSV file: where it is, its delimiter and its column names."""

    shown: str
    path: Path
    delimiter: str
    names: list[str]

    @classmethod
    def open(cls, path: Path, encoding: str | None, scratch: Path, number: int) -> _File:
        shown = str(path)
        with path.open("rb") as stream:
            start = stream.read(2)
        packed = start == b"\x1f\x8b"
        if start and not packed and path.suffix.lower() == ".gz":
            raise InputError(f"{shown}: is no gzip archive, whatever its name says; rename it to {path.stem}")
        try:
            with _binary(path, packed) as stream:
                head = stream.read(_HEAD_BYTES)
            chosen = _codec(head, encoding, shown)
            if chosen != "utf-8":
                path = _transcoded(path, packed, chosen, scratch / f"{number}.csv", shown)
                with path.open("rb") as stream:
                    head = stream.read(_HEAD_BYTES)
            elif packed:
                _check_archive(path)
        except (gzip.BadGzipFile, EOFError, OSError) as error:
            raise InputError(f"{shown}: cannot be read: {error}") from error
        text = head.decode("utf-8", errors="replace").removeprefix("\ufeff")
        if not text.strip():
            raise InputError(f"{shown}: the file is empty")
        delimiter, names = _header(text, shown)
        return cls(shown, path, delimiter, names)


def _binary(path: Path, packed: bool) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")


def _check_archive(path: Path) -> None:
    # DuckDB takes a truncated archive for a shorter file.
    with gzip.open(path, "rb") as stream:
        while stream.read(_HEAD_BYTES):
            pass


def _codec(head: bytes, encoding: str | None, shown: str) -> str:
    if encoding is None:
        return "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    try:
        return codecs.lookup(encoding).name.removesuffix("-sig")
    except LookupError:
        raise InputError(
            f'{shown}: there is no encoding "{encoding}"; common ones are utf-8, latin-1, cp1252'
        ) from None


def _transcoded(path: Path, packed: bool, codec: str, target: Path, shown: str) -> Path:
    with (
        io.TextIOWrapper(_binary(path, packed), encoding=codec, newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        try:
            shutil.copyfileobj(stream, copy, _HEAD_BYTES)
        except UnicodeError as error:
            raise InputError(f"{shown}: the file is not {codec}: {error}") from error
    return target


def _header(text: str, shown: str) -> tuple[str, list[str]]:
    """The delimiter that splits the first record into the most fields, and those fields."""
    candidates = {}
    for delimiter in _DELIMITERS:
        try:
            candidates[delimiter] = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise InputError(f"{shown}, line 1: {error}") from error
    delimiter = max(candidates, key=lambda candidate: len(candidates[candidate]))
    names = [name.strip() for name in candidates[delimiter]]
    if not any(re.search(r"[^\W\d_]", name) for name in names):
        raise InputError(f'{shown}, line 1: "{_shortened(text)}" holds no names; the first line must name the columns')
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise InputError(f'{shown}, line 1: the column "{twice[0]}" appears {names.count(twice[0])} times; rename one')
    return delimiter, [name or f"column{position}" for position, name in enumerate(names, start=1)]


def _shortened(text: str) -> str:
    line = text.splitlines()[0] if text else text
    return line if len(line) <= _SHOWN_TEXT else line[: _SHOWN_TEXT - 1] + "…"


def _options(file: _File) -> str:
    return (
        f"delim={literal(file.delimiter)}, quote='\"', escape='\"', header=true, skip=0, comment='', "
        "strict_mode=true, null_padding=false"
    )


def _scan(files: Sequence[_File], types: Sequence[str], extra: str = "") -> str:
    paths = ", ".join(literal(str(file.path)) for file in files)
    columns = ", ".join(f"'c{position}': {literal(type_)}" for position, type_ in enumerate(types))
    return f"read_csv([{paths}], {_options(files[0])}, auto_detect=false, columns={{{columns}}}{extra})"


def _check_structure(connection: duckdb.DuckDBPyConnection, file: _File) -> None:
    """Raise an error that names the first malformed row."""
    import duckdb

    connection.execute("DROP TABLE IF EXISTS reject_errors")
    connection.execute("DROP TABLE IF EXISTS reject_scans")
    scan = _scan([file], ["VARCHAR"] * len(file.names), ", store_rejects=true")
    try:
        # Every column: a reader that is asked for a count alone looks at the first one only.
        connection.sql(f"SELECT count(COLUMNS(*)) FROM {scan}").fetchall()
        rejects = connection.sql(
            "SELECT line, error_type, error_message, csv_line, count(*) OVER () FROM reject_errors "
            "ORDER BY line LIMIT 1"
        ).fetchall()
    except duckdb.Error as error:
        raise InputError(f"{file.shown}: {_unparsable(file)}") from error
    if rejects:
        line, kind, message, text, count = rejects[0]
        more = f" (and {count - 1:,} more such rows)" if count > 1 else ""
        raise InputError(f'{file.shown}, line {line:,}: {_complaint(kind, message)}: "{_shortened(text)}"{more}')


def _complaint(kind: str, message: str) -> str:
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if counts:
        return f"{counts[2]} fields where the header names {counts[1]}"
    if "ENCODING" in kind or "UNICODE" in kind:
        return 'the text is not UTF-8 (give the encoding, such as encoding="cp1252")'
    if "QUOTE" in kind:
        return "a quoted value is not closed"
    if "LINE SIZE" in kind:
        return "the line is too long (is a quote left open?)"
    return message.splitlines()[0].rstrip(".")


def _unparsable(file: _File) -> str:
    """What is wrong with a file whose rows the reader cannot even separate."""
    with _binary(file.path, file.path.suffix == ".gz") as stream:
        ending = None
        for number, line in enumerate(stream, start=1):
            this = b"\r\n" if line.endswith(b"\r\n") else b"\n"
            if line.rstrip(b"\r\n").find(b"\r") >= 0 and b'"' not in line:
                return f"line {number:,} holds a carriage return in the middle"
            if ending is not None and this != ending and line.endswith(b"\n"):
                return f"line {number:,} does not end as the lines before it do (\\n and \\r\\n are mixed)"
            ending = this
    return "the rows cannot be told apart; is it a CSV file?"


def _sniffed_types(connection: duckdb.DuckDBPyConnection, file: _File) -> list[str]:
    """DuckDB's types of the columns over every row, reduced to those that need no second look."""
    import duckdb

    try:
        found, date_format, time_format = connection.sql(
            f"SELECT Columns, DateFormat, TimestampFormat FROM sniff_csv({literal(str(file.path))}, {_options(file)}, "
            "sample_size=-1)"
        ).fetchall()[0]
    except duckdb.Error:
        return ["VARCHAR"] * len(file.names)
    types = [column["type"] for column in found]
    if len(types) != len(file.names):
        return ["VARCHAR"] * len(file.names)
    iso = {"DATE": _is_iso(date_format), "TIMESTAMP": _is_iso(time_format)}
    return [type_ if type_ in _KEPT_TYPES and iso.get(type_, True) else "VARCHAR" for type_ in types]


def _is_iso(format_: str | None) -> bool:
    return format_ is None or format_.startswith("%Y-%m-%d")


def _merged_types(found: Sequence[Sequence[str]]) -> list[str]:
    merged = []
    for types in zip(*found, strict=True):
        kinds = set(types)
        merged.append(kinds.pop() if len(kinds) == 1 else "DOUBLE" if kinds == {"BIGINT", "DOUBLE"} else "VARCHAR")
    return merged


@dataclass
class _Column:
    """How a column is read and what it is turned into."""

    read_as: str
    expression: str


def _refined(
    connection: duckdb.DuckDBPyConnection, files: Sequence[_File], types: Sequence[str], date_format: str | None
) -> list[_Column]:
    text = _scan(files, ["VARCHAR"] * len(types))
    facts = ["count(*)"]
    for position, type_ in enumerate(types):
        column = f"c{position}"
        if type_ == "DOUBLE":
            # 17850.0 with blanks is how data frames write whole numbers; 1E5 with no point anywhere is a code.
            facts.append(
                rf"[bool_or(contains({column}, '.')), bool_and(regexp_full_match({column}, '\s*-?\d{{1,15}}\.0+\s*'))]"
            )
        else:
            facts.append(f"[count({column})::VARCHAR, first({column}) FILTER ({column} IS NOT NULL)]")
    _, *answers = connection.sql(f"SELECT {', '.join(facts)} FROM {text}").fetchall()[0]

    columns = []
    for position, (type_, answer) in enumerate(zip(types, answers, strict=True)):
        column = f"c{position}"
        if type_ == "DOUBLE":
            has_point, is_whole = answer
            read_as = "DOUBLE" if has_point else "VARCHAR"
            columns.append(_Column(read_as, f"{column}::BIGINT" if is_whole else column))
            continue
        present, sample = int(answer[0]), answer[1]
        chosen = _Column(type_, column)
        if sample is not None and (type_ == "VARCHAR" or date_format is not None):
            formats = _candidate_formats(sample, date_format, type_)
            shown = f'{files[0].shown}: column "{files[0].names[position]}"'
            chosen = _as_time(connection, text, column, present, formats, shown) or chosen
        columns.append(chosen)
    return columns


def _candidate_formats(sample: str, date_format: str | None, type_: str) -> list[str]:
    """The strptime formats that a value could be written in."""
    given = [date_format] if date_format is not None else []
    if type_ != "VARCHAR":
        return given
    if named := _MONTH_NAME_SHAPE.fullmatch(sample):
        separator = named["separator"]
        return given or [separator.join(("%d", "%b", "%Y" if len(named["year"]) == 4 else "%y"))]
    shape = _DATE_SHAPE.fullmatch(sample)
    if shape is None or given:
        return given
    separator = shape["separator"]
    time = ""
    if shape["gap"]:
        time = shape["gap"] + ("%I" if shape["half"] else "%H") + ":%M" + (":%S" if shape["seconds"] else "")
        time += (".%f" if shape["fraction"] else "") + (
            "" if not shape["half"] else re.sub(r"\w+", "%p", shape["half"])
        )
    if len(shape["a"]) == 4:
        orders = [("%Y", "%m", "%d")]
    elif len(shape["a"]) <= 2 and len(shape["c"]) in (2, 4):
        year = "%Y" if len(shape["c"]) == 4 else "%y"
        orders = [("%d", "%m", year), ("%m", "%d", year)]
    else:
        return []
    return [separator.join(order) + time for order in orders]


def _as_time(
    connection: duckdb.DuckDBPyConnection, text: str, column: str, present: int, formats: Sequence[str], shown: str
) -> _Column | None:
    """The column as dates or times in the one format that fits, or nothing."""
    if not formats:
        return None
    parsed = [f"try_strptime(trim({column}), {literal(format_)})" for format_ in formats]
    facts = [f"count({value})" for value in parsed]
    facts.append(f"count(try_cast({column} AS TIMESTAMP))")
    facts.append(f"bool_or({parsed[0]} <> {parsed[-1]})")
    *fits, iso, differ = connection.sql(f"SELECT {', '.join(facts)} FROM {text}").fetchall()[0]
    best = max(fits)
    if iso == present and best < present:
        return _Column("VARCHAR", f"{column}::TIMESTAMP")
    if iso > best or best < _MOSTLY * present:
        return None
    if fits.count(best) > 1 and differ:
        warnings.warn(
            f"{shown} reads as day/month and as month/day alike, so it stays text; "
            f'give date_format="{formats[0]}" or "{formats[-1]}"',
            stacklevel=2,
        )
        return None
    chosen = fits.index(best)
    kind = "TIMESTAMP" if re.search(r"%[HI]", formats[chosen]) else "DATE"
    if best == present:
        return _Column("VARCHAR", f"{parsed[chosen]}::{kind}")
    # Mostly dates: the good ones in ISO form, the others as they stand, so that what reads the column names these.
    return _Column("VARCHAR", f"coalesce({parsed[chosen]}::{kind}::VARCHAR, {column})")
