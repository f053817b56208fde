"""Tables of the real producers: pyarrow, polars, pandas and DuckDB, every type that they hand out."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import clavis as cv
from clavis import _clavis, _columns, _input

pa = pytest.importorskip("pyarrow")
pc = pytest.importorskip("pyarrow.compute")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
duckdb = pytest.importorskip("duckdb")

D = decimal.Decimal
DAY = datetime.date(2024, 2, 29)
TIME = datetime.datetime(2024, 2, 29, 12, 30, 15)
UTC = datetime.timezone.utc


def read(table: Any, column: str = "x") -> tuple[list[Any], str]:
    """All values of a column as the library has them, and the type, told by pyarrow."""
    values: list[Any] = []
    kinds = set()
    for batch in _input.batches(table, {column: column}, "log"):
        array = pa.RecordBatchReader._import_from_c_capsule(batch.export()).read_all()[column]
        values += array.to_pylist()
        kinds.add("decimal" if pa.types.is_decimal(array.type) else str(array.type))
    assert len(kinds) <= 1
    return values, kinds.pop().replace("large_", "") if kinds else ""


class Stream:
    """Speaks Arrow and says nothing else, as often as it is asked."""

    def __init__(self, table: Any) -> None:
        self.table = table
        self.asked = 0

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        self.asked += 1
        return self.table.__arrow_c_stream__()


class OneShot(Stream):
    """Has its rows once; afterwards it is empty."""

    def __init__(self, table: Any, rows: int = 2) -> None:
        super().__init__(table.to_reader(rows))


class Unreferable:
    """The same without weak references."""

    __slots__ = ("reader",)

    def __init__(self, table: Any) -> None:
        self.reader = table.to_reader()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.reader.__arrow_c_stream__()


# ---------------------------------------------------------------- pyarrow

TEXTS = ["a", None, "", "Zoë", "a text of more than twelve bytes", "顾客"]
LONG = [1, None, -3, 4, 5, 6]


def dictionary(values: Any, index: Any) -> Any:
    """Row by row 0 1 2 …, with an index that is missing and a value that is (None stands for both)."""
    indices = pa.array([0, None, 2, 1, 3, 3], type=index)
    return pa.DictionaryArray.from_arrays(indices, values)


PYARROW = {
    **{str(kind): (pa.array([1, None, 100], kind), [1, None, 100], "int32")
       for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32())},
    **{str(kind): (pa.array([1, None, 2**31], kind), [1, None, 2**31], "int64")
       for kind in (pa.uint32(), pa.int64(), pa.uint64())},
    "bool": (pa.array([True, None, False]), [1, None, 0], "int32"),
    "float16": (pa.array([np.float16(1.5), None, np.float16(-0.25)], pa.float16()), [1.5, None, -0.25], "double"),
    "float32": (pa.array([1.5, None, -0.25], pa.float32()), [1.5, None, -0.25], "double"),
    "float64": (pa.array([1.5, None, -0.1]), [1.5, None, -0.1], "double"),
    "string": (pa.array(TEXTS), TEXTS, "string"),
    "large_string": (pa.array(TEXTS, pa.large_string()), TEXTS, "string"),
    "string_view": (pa.array(TEXTS, pa.string_view()), TEXTS, "string"),
    "date32": (pa.array([DAY, None]), [DAY, None], "date32[day]"),
    "date64": (pa.array([DAY, None], pa.date64()), [DAY, None], "date32[day]"),
    **{f"timestamp[{unit}]": (pa.array([TIME, None], pa.timestamp(unit)), [TIME, None], f"timestamp[{unit}]")
       for unit in ("s", "ms", "us", "ns")},
    "timestamp with zone": (
        pa.array([TIME, None], pa.timestamp("us", "Europe/Berlin")),
        [TIME.replace(tzinfo=UTC), None], "timestamp[us, tz=Europe/Berlin]"),
    "decimal32": (pa.array([D("1.50"), None, D("-0.25")], pa.decimal32(9, 2)), [D("1.50"), None, D("-0.25")],
                  "decimal"),
    "decimal64": (pa.array([D("1.50"), None], pa.decimal64(18, 2)), [D("1.50"), None], "decimal"),
    "decimal128": (pa.array([D("1.50"), None], pa.decimal128(38, 2)), [D("1.50"), None], "decimal"),
    "decimal256": (pa.array([D("1.50"), None], pa.decimal256(76, 2)), [D("1.50"), None], "decimal"),
    "decimal128 of 18 places": (pa.array([D("123456.5"), None], pa.decimal128(38, 18)), [D("123456.5"), None],
                                "decimal"),
    "decimal128 of whole numbers": (pa.array([D(7), None], pa.decimal128(38, 0)), [7, None], "int64"),
    "decimal128 of thousands": (pa.array([D(7000), None], pa.decimal128(10, -3)), [7000, None], "int64"),
    "null": (pa.nulls(2), [None, None], "string"),
    **{f"dictionary by {index}": (dictionary(pa.array(["a", None, "b", "c"]), index),
                                  ["a", None, "b", None, "c", "c"], "string")
       for index in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64())},
    "dictionary of large_string": (dictionary(pa.array(["a", None, "b", "c"], pa.large_string()), pa.int32()),
                                   ["a", None, "b", None, "c", "c"], "string"),
    "dictionary of string_view": (dictionary(pa.array(["a", None, "b", "c" * 20], pa.string_view()), pa.int32()),
                                  ["a", None, "b", None, "c" * 20, "c" * 20], "string"),
    "dictionary of int64": (dictionary(pa.array([5, None, 7, 8]), pa.int16()), [5, None, 7, None, 8, 8], "int64"),
    "dictionary of date32": (dictionary(pa.array([DAY, None, DAY, DAY]), pa.int8()),
                             [DAY, None, DAY, None, DAY, DAY], "date32[day]"),
    "dictionary of decimal128": (dictionary(pa.array([D("1.5"), None, D("2.5"), D("3.5")]), pa.int8()),
                                 [D("1.5"), None, D("2.5"), None, D("3.5"), D("3.5")], "decimal"),
    "run_end_encoded": (pc.run_end_encode(pa.array([5, 5, None, 7, 7, 7])), [5, 5, None, 7, 7, 7], "int64"),
    "run_end_encoded of text": (pc.run_end_encode(pa.array(["a", "a", None, "b"]), pa.int16()),
                                ["a", "a", None, "b"], "string"),
}  # fmt: skip


@pytest.mark.parametrize("case", PYARROW)
def test_pyarrow(case: str) -> None:
    array, values, kind = PYARROW[case]
    table = pa.table({"x": array})
    assert read(table) == (values, kind)
    assert read(Stream(table)) == (values, kind)
    # Slices with offsets, batches of any size among them empty ones, and a batch by itself.
    n = len(array)
    chunks = [array.slice(0, 1), array.slice(0, 0), array.slice(1, n - 2), array.slice(n - 1), array.slice(n)]
    batches = [pa.record_batch({"x": chunk}) for chunk in chunks]
    assert read(pa.Table.from_batches(batches)) == (values, kind)
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, iter([*batches[1:2], *batches]))
    assert read(reader) == (values, kind)
    assert read(table.slice(1).to_batches()[0])[0] == values[1:]
    assert read(table.slice(0, 0))[0] == []
    with pytest.raises(cv.InputError, match='log: there is no column "y"'):
        read(table, "y")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (pa.array([b"a"]), r'column "x": has the Arrow type "z" \(binary\), which cannot be read'),
        (pa.array([b"a"], pa.binary_view()), "binary"),
        (pa.array([b"ab"], pa.binary(2)), "binary"),
        (pa.array([[1]]), "nested"),
        (pa.array([{"a": 1}]), "a struct"),
        (pa.array([datetime.time(1)]), "times of day"),
        (pa.array([datetime.timedelta(1)]), "lengths of time"),
        (dictionary(pa.array([b"a", b"b", b"c", b"d"]), pa.int8()), "binary, in a dictionary"),
        (pa.array([1, 2**63], pa.uint64()), 'column "x", row 1: "9223372036854775808" is larger than a signed 64-bit'),
        (pa.array([D("0.01"), D(10) ** 17], pa.decimal128(38, 2)), 'row 1: "1' + "0" * 17 + '.00" is a decimal that'),
        (pa.array([D(10) ** 30], pa.decimal256(70, 2)), "is a decimal that does not fit in 64 bits"),
    ],
)
def test_types_and_values_that_cannot_be_read_are_named(array: Any, said: str) -> None:
    with pytest.raises(cv.InputError, match=said):
        read(pa.table({"x": array, "y": array}))


def test_rows_of_errors_count_over_batches() -> None:
    batches = [pa.record_batch({"x": pa.array(values, pa.uint64())}) for values in ([1, 2], [], [3, 2**63])]
    with pytest.raises(cv.InputError, match="row 3"):
        read(pa.Table.from_batches(batches))
    table = pa.table({"x": pa.chunked_array([["1", "2"], ["3", None]])})
    with pytest.raises(cv.InputError, match='log, column "x", row 3: is missing'):
        _columns.read(table, {}, {"x": "x"}, "log")
    with pytest.raises(cv.InputError, match='log, column "x", row 0: "1" is not a number'):
        _columns.read(table, {"x": "x"}, {}, "log")


def test_dictionaries_may_differ_between_batches() -> None:
    chunks = [pa.array(values).dictionary_encode() for values in (["a", "b"], ["b", "c", None], ["a"])]
    batches = [pa.record_batch({"x": chunk}) for chunk in chunks]
    assert read(pa.Table.from_batches(batches))[0] == ["a", "b", "b", "c", None, "a"]


# ---------------------------------------------------------------- polars

POLARS = {
    **{str(kind): (pl.Series([1, None, 100], dtype=kind), [1, None, 100])
       for kind in (pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Int32, pl.UInt32, pl.Int64, pl.UInt64)},
    **{str(kind): (pl.Series([1.5, None, -0.25], dtype=kind), [1.5, None, -0.25]) for kind in (pl.Float32, pl.Float64)},
    "bool": (pl.Series([True, None]), [1, None]),
    "text": (pl.Series(TEXTS), TEXTS),
    "categorical": (pl.Series(TEXTS, dtype=pl.Categorical), TEXTS),
    "enum": (pl.Series(["b", None, "a"], dtype=pl.Enum(["a", "b"])), ["b", None, "a"]),
    "date": (pl.Series([DAY, None]), [DAY, None]),
    **{f"datetime {unit}": (pl.Series([TIME, None], dtype=pl.Datetime(unit)), [TIME, None])
       for unit in ("ms", "us", "ns")},
    "datetime with zone": (pl.Series([TIME, None]).dt.replace_time_zone("UTC"), [TIME.replace(tzinfo=UTC), None]),
    "decimal": (pl.Series([D("1.50"), None], dtype=pl.Decimal(12, 2)), [D("1.50"), None]),
    "null": (pl.Series([None, None]), [None, None]),
}  # fmt: skip


@pytest.mark.parametrize("case", POLARS)
def test_polars(case: str) -> None:
    series, values = POLARS[case]
    frame = pl.DataFrame({"x": series, "other": list(range(len(values)))})
    assert read(frame)[0] == values
    assert read(frame.slice(1))[0] == values[1:]
    assert read(pl.concat([frame, frame[:0], frame], rechunk=False))[0] == values + values
    assert _input.column_names(frame, "log") == ["x", "other"]


# ---------------------------------------------------------------- pandas


def berlin(time: datetime.datetime) -> pd.Timestamp:
    return pd.Timestamp(time, tz="Europe/Berlin")


PANDAS = {
    **{f"{kind}": (pd.Series([1, 100], dtype=kind), [1, 100])
       for kind in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")},
    **{f"{kind} with gaps": (pd.Series([1, None, 100], dtype=kind), [1, None, 100])
       for kind in ("Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float64",
                    "int64[pyarrow]", "uint8[pyarrow]", "double[pyarrow]")},
    "Int64": (pd.Series([1, 100], dtype="Int64"), [1, 100]),
    "float32": (pd.Series([1.5, -0.25], dtype="float32"), [1.5, -0.25]),
    "text": (pd.Series(TEXTS), TEXTS),
    **{f"text as {kind}": (pd.Series(TEXTS, dtype=kind), TEXTS)
       for kind in ("string[pyarrow]", "string[python]", "object", "category")},
    "text as arrow": (pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())), TEXTS),
    "text as large arrow": (pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.large_string())), TEXTS),
    "text as arrow dictionary": (
        pd.Series(pd.arrays.ArrowExtensionArray(pa.array(TEXTS).dictionary_encode())), TEXTS),
    "numbers as category": (pd.Series([5, 7, 5], dtype="category"), [5, 7, 5]),
    **{f"datetime64[{unit}]": (pd.Series([TIME, None], dtype=f"datetime64[{unit}]"), [TIME, None])
       for unit in ("s", "ms", "us", "ns")},
    **{f"datetime64[{unit}] with zone": (
        pd.Series([berlin(TIME), None], dtype=f"datetime64[{unit}, Europe/Berlin]"),
        [berlin(TIME).to_pydatetime(), None]) for unit in ("s", "ms", "us", "ns")},
    "datetimes as arrow": (pd.Series([TIME, None], dtype=pd.ArrowDtype(pa.timestamp("us"))), [TIME, None]),
    "dates as arrow": (pd.Series([DAY, None], dtype=pd.ArrowDtype(pa.date32())), [DAY, None]),
    "decimals as arrow": (pd.Series([D("1.50"), None], dtype=pd.ArrowDtype(pa.decimal128(9, 2))), [D("1.50"), None]),
    "dates as objects": (pd.Series([DAY, None], dtype=object), [DAY, None]),
    "times as objects": (pd.Series([TIME, None], dtype=object), [TIME, None]),
    "times with zone as objects": (pd.Series([TIME.replace(tzinfo=UTC), None], dtype=object),
                                   [TIME.replace(tzinfo=UTC), None]),
    "ints as objects": (pd.Series([1, None], dtype=object), [1, None]),
}  # fmt: skip


@pytest.mark.parametrize("case", PANDAS)
@pytest.mark.parametrize("path", ["frame", "stream"])
def test_pandas(case: str, path: str) -> None:
    series, values = PANDAS[case]
    frame = pd.DataFrame({"x": series, "other": range(len(values))})
    table = frame if path == "frame" else Stream(frame)
    assert read(table)[0] == values
    frame = frame.iloc[1:]  # an index that does not start at 0
    assert read(frame if path == "frame" else Stream(frame))[0] == values[1:]


@pytest.mark.parametrize("path", ["frame", "stream"])
def test_pandas_objects_of_decimals_keep_every_digit(path: str) -> None:
    frame = pd.DataFrame({"x": pd.Series([D("1.10"), None, D("2.3")], dtype=object)})
    found = read(frame if path == "frame" else Stream(frame))[0]
    assert [None if value is None else D(value) for value in found] == [D("1.1"), None, D("2.3")]


def test_pandas_columns_go_together_whatever_they_are_made_of() -> None:
    frame = pd.DataFrame(
        {
            "id": pd.Series(["a", "b", None], dtype="string[pyarrow]"),
            "time": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
            "amount": pd.Series([1, None, 3], dtype="Int64"),
            "kind": pd.Series(["sale", "return", None], dtype="category"),
        }
    )
    frame.index = pd.Index([5, 5, 7])
    for name, values in {
        "id": ["a", "b", None],
        "amount": [1, None, 3],
        "kind": ["sale", "return", None],
        "time": [datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 2), None],
    }.items():
        (batch,) = _input.batches(frame, {role: role for role in frame.columns})
        whole = pa.RecordBatchReader._import_from_c_capsule(batch.export()).read_all()
        assert whole[name].to_pylist() == values


def test_pandas_columns_may_be_named_by_numbers() -> None:
    frame = pd.DataFrame([[1, "2024-01-01"], [2, "2024-01-02"]])
    assert _input.column_names(frame, "log") == ["0", "1"]
    assert read(frame, "0")[0] == [1, 2]
    assert len(cv.summarize(frame, customer="0", time="1")) == 2
    frame.columns = [1, "1"]
    with pytest.raises(cv.InputError, match='log: there are 2 columns "1"'):
        read(frame, "1")


# ---------------------------------------------------------------- DuckDB

DUCKDB = {
    **{kind: (f"(NULL), (1::{kind}), (100::{kind})", [None, 1, 100])
       for kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
                    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")},
    **{kind: (f"(NULL), (1.5::{kind}), (-0.25::{kind})", [None, 1.5, -0.25]) for kind in ("FLOAT", "DOUBLE")},
    **{kind: (f"(NULL), (1.5::{kind}), (-0.5::{kind})", [None, D("1.5"), D("-0.5")])
       for kind in ("DECIMAL(4, 1)", "DECIMAL(9, 2)", "DECIMAL(18, 3)", "DECIMAL(38, 2)", "DECIMAL(38, 18)")},
    "BOOLEAN": ("(NULL), (true), (false)", [None, 1, 0]),
    "VARCHAR": ("(NULL), ('a'), (''), ('Zoë'), ('a text of more than twelve bytes')",
                [None, "a", "", "Zoë", "a text of more than twelve bytes"]),
    "ENUM": ("(NULL), ('b'::ENUM('a', 'b')), ('a')", [None, "b", "a"]),
    "UUID": ("('00000000-0000-0000-0000-00000000000a'::UUID)", ["00000000-0000-0000-0000-00000000000a"]),
    "DATE": ("(NULL), (DATE '2024-02-29')", [None, DAY]),
    **{kind: (f"(NULL), ('2024-02-29 12:30:15'::{kind})", [None, TIME])
       for kind in ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS")},
    "TIMESTAMPTZ": ("(NULL), ('2024-02-29 12:30:15+00'::TIMESTAMPTZ)", [None, TIME.replace(tzinfo=UTC)]),
}  # fmt: skip


@pytest.mark.parametrize("case", DUCKDB)
@pytest.mark.parametrize("views", [False, True])
def test_duckdb(case: str, views: bool) -> None:
    rows, values = DUCKDB[case]
    connection = duckdb.connect()
    connection.execute(f"SET produce_arrow_string_view = {views}")
    if views:
        connection.execute("SET arrow_output_version = '1.5'")
    query = f"SELECT * FROM (VALUES {rows}) log(x)"
    relation = connection.sql(query)
    assert read(relation)[0] == values
    assert _input.column_names(relation, "log") == ["x"]
    assert read(relation)[0] == values, "a relation gives its rows as often as it is asked"
    assert read(connection.sql(query).to_arrow_table())[0] == values
    assert read(connection.sql(query).to_arrow_reader(1))[0] == values


def test_duckdb_sums_and_large_numbers() -> None:
    assert read(duckdb.sql("SELECT sum(i) AS x FROM range(10) r(i)"))[0] == [45]
    with pytest.raises(cv.InputError, match='column "x", row 1: "18446744073709551615" is larger than a signed'):
        read(duckdb.sql("SELECT * FROM (VALUES (1::UBIGINT), (18446744073709551615)) log(x)"))
    with pytest.raises(cv.InputError, match='row 0: "170141183460469231731687303715884105727" is a decimal that'):
        read(duckdb.sql("SELECT 170141183460469231731687303715884105727::HUGEINT AS x"))
    with pytest.raises(cv.InputError, match="binary"):
        read(duckdb.sql("SELECT 'ab'::BLOB AS x"))


# ---------------------------------------------------------------- the same log from everywhere


def logs() -> Iterator[tuple[str, Any]]:
    random = np.random.default_rng(20261122)
    n = 500
    ids = random.integers(0, 40, n)
    days = np.datetime64("2024-01-01") + random.integers(0, 300, n)
    cents = random.integers(100, 10_000, n)
    plain = {"id": ids, "day": days, "amount": cents / 100}
    yield "arrays", plain
    table = pa.table({"id": ids, "day": pa.array(days), "amount": pa.array(cents / 100)})
    yield "pyarrow", table
    money = pa.array([D(int(c)).scaleb(-2) for c in cents], pa.decimal128(38, 18))
    typed = {
        "narrow": table.set_column(0, "id", table["id"].cast(pa.uint8())),
        "decimals": table.set_column(2, "amount", money),
        "dictionary": table.set_column(0, "id", table["id"].dictionary_encode()),
        "milliseconds": table.set_column(1, "day", table["day"].cast(pa.date64())),
        "runs": table.sort_by("id").to_batches()[0],
    }
    yield from typed.items()
    runs = table.sort_by("id").combine_chunks()
    yield "run ends", runs.set_column(0, "id", pc.run_end_encode(runs["id"].combine_chunks()))
    yield "small batches", pa.Table.from_batches(table.to_batches(max_chunksize=7))
    yield "reader", table.to_reader(13)
    yield "one-shot", OneShot(table, 13)
    yield "polars", pl.from_arrow(table)
    yield "polars in chunks", pl.concat([pl.from_arrow(table[:200]), pl.from_arrow(table[200:])], rechunk=False)
    yield "pandas", table.to_pandas()
    yield "pandas with arrow", table.to_pandas(types_mapper=pd.ArrowDtype)
    yield "pandas as a stream", Stream(table.to_pandas())
    yield "duckdb", duckdb.from_arrow(table)
    yield (
        "duckdb in other types",
        duckdb.from_arrow(table).select("id::HUGEINT AS id, day::TIMESTAMP AS day, amount::DECIMAL(18, 2) AS amount"),
    )
    yield "duckdb reader", duckdb.connect().from_arrow(table).to_arrow_reader(64)


LOGS = dict(logs())


@pytest.mark.parametrize("source", LOGS)
def test_every_source_gives_the_same_summary(source: str) -> None:
    names = {"customer": "id", "time": "day", "amount": "amount"}
    expected, found = (cv.summarize(LOGS[name], **names) for name in ("arrays", source))
    for column in expected.columns:
        np.testing.assert_array_equal(found[column], expected[column], err_msg=column)


# ---------------------------------------------------------------- streams that give their rows once

TRANSACTIONS = {
    "customer_id": [1, 1, 2, 3, 3, 3, 4],
    "time": [f"2024-0{month}-01" for month in (1, 2, 1, 1, 2, 3, 4)],
    "amount": [1.0, 2, 3, 4, 5, 6, 7],
}
ONE_SHOT = {
    "pyarrow": lambda table: table.to_reader(2),
    "generator": lambda table: pa.RecordBatchReader.from_batches(table.schema, (b for b in table.to_batches())),
    "duckdb": lambda table: duckdb.connect().from_arrow(table).to_arrow_reader(2),
    "only a stream": OneShot,
    "no weak references": Unreferable,
}


@pytest.mark.parametrize("producer", ONE_SHOT)
def test_one_shot_streams_are_read_once(producer: str) -> None:
    table = pa.table(TRANSACTIONS)
    make = ONE_SHOT[producer]
    expected = cv.summarize(table, amount="amount")
    found = cv.summarize(make(table), amount="amount")
    np.testing.assert_array_equal(found.net_amount, expected.net_amount)

    book = cv.CustomerBook(make(table))
    assert book.names("transactions") == {name: name for name in TRANSACTIONS}
    np.testing.assert_array_equal(cv.summarize(book, amount="amount").net_amount, expected.net_amount)
    assert cv.CustomerBook(make(table)).quality["transactions"].rows_read == 7


@pytest.mark.parametrize("producer", [name for name in ONE_SHOT if name != "no weak references"])
def test_a_stream_that_was_read_is_an_error_and_no_empty_table(producer: str) -> None:
    book = cv.CustomerBook(ONE_SHOT[producer](pa.table(TRANSACTIONS)))
    assert book.quality["transactions"].rows_read == 7
    with pytest.raises(cv.InputError, match="transactions: the stream was read already"):
        cv.summarize(book)
    assert book.quality["transactions"].rows_read == 7  # kept from the reading


def test_a_stream_that_was_half_read_is_not_gone_on_with() -> None:
    table = pa.table({**TRANSACTIONS, "time": ["2024-01-01"] * 5 + ["no time", "2024-01-01"]})
    reader = table.to_reader(2)
    with pytest.raises(cv.InputError, match="row 5"):
        cv.summarize(reader)
    with pytest.raises(cv.InputError, match="the stream was read already"):
        cv.summarize(reader, on_bad_rows="refuse")


def test_names_that_are_wrong_leave_a_stream_unread() -> None:
    stream = OneShot(pa.table(TRANSACTIONS))
    with pytest.raises(cv.InputError, match='no column "who"'):
        cv.summarize(stream, customer="who")
    assert len(cv.summarize(stream)) == 4
    assert stream.asked == 1


def test_an_empty_stream_is_an_empty_table_every_time() -> None:
    stream = Stream(pa.table({"x": pa.array([], pa.int64())}))
    assert read(stream)[0] == read(stream)[0] == []


def test_a_table_that_only_streams_may_be_read_again() -> None:
    table = Stream(pa.table(TRANSACTIONS))
    book = cv.CustomerBook(table)
    assert table.asked == 1
    for _ in range(2):
        assert book.quality["transactions"].rows_read == 7  # read once and kept
        assert len(cv.summarize(book)) == 4
    assert table.asked == 3


def test_a_schema_is_asked_where_there_is_one() -> None:
    class WithSchema(Stream):
        def __arrow_c_schema__(self) -> object:
            return self.table.schema.__arrow_c_schema__()

    table = WithSchema(pa.table(TRANSACTIONS))
    assert _input.column_names(table, "log") == list(TRANSACTIONS)
    assert table.asked == 0
    with pytest.raises(cv.InputError, match="log: is not a table but a column"):
        _clavis.core.schema_names(pa.int64().__arrow_c_schema__(), "log")


def test_streams_are_forgotten_with_their_objects() -> None:
    from clavis import _streams

    before = len(_streams._records)
    for _ in range(10):
        cv.CustomerBook(OneShot(pa.table(TRANSACTIONS)))
        cv.summarize(OneShot(pa.table(TRANSACTIONS)))
        cv.summarize(Unreferable(pa.table(TRANSACTIONS)))
    assert len(_streams._records) <= before


def test_what_a_producer_raises_is_passed_on() -> None:
    def batches() -> Iterator[Any]:
        yield pa.record_batch({"x": [1]})
        raise RuntimeError("the line is cut")

    with pytest.raises(cv.InputError, match=r"log: reading failed: .*the line is cut"):
        read(pa.RecordBatchReader.from_batches(pa.schema([("x", pa.int64())]), batches()))
    with pytest.raises(TypeError, match="log: cannot read a list"):
        read([1, 2])


def test_streams_larger_than_memory_take_the_memory_of_a_batch() -> None:
    script = textwrap.dedent("""
        import resource
        import numpy as np, pyarrow as pa
        from clavis import _input

        n = 1 << 17
        batch = pa.record_batch({
            "customer_id": pa.array([f"customer {i % 9999}" for i in range(n)]).dictionary_encode(),
            "time": pa.array(np.arange(n), pa.timestamp("us")),
            "amount": pa.array(np.arange(n) % 1000, pa.int64()).cast(pa.decimal128(38, 0)),
            "name": pa.array([f"a longer name of a customer {i}" for i in range(n)], pa.string_view()),
        })
        def batches(count):
            for _ in range(count):
                # A batch of its own memory, as a reader of files would have it.
                columns = [pa.concat_arrays([column, column[:1]])[:n] for column in batch.columns]
                yield pa.RecordBatch.from_arrays(columns, batch.schema.names)
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        def rows(count):
            reader = pa.RecordBatchReader.from_batches(batch.schema, batches(count))
            return sum(len(b) for b in _input.batches(reader, {name: name for name in batch.schema.names}))

        rows(10)
        before = peak()
        assert rows(160) == 160 * n
        print((peak() - before) >> 10)
        """)  # 20 971 520 rows, 2 GB
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) < 64, "megabytes beyond what the first ten batches took"
