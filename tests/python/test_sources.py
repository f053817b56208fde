"""cv.read: every row of every source, typed without guessing, or an error that names what is wrong."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import clavis as cv

duckdb = pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

DATA = Path(os.environ.get("CLAVIS_DATA", Path(__file__).parents[2] / "../shared/data"))
HEADER = "id,date,amount\n"


def data_file(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {DATA}; set CLAVIS_DATA")
    return path


def written(folder: Path, text: str | bytes, name: str = "sales.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


def many_rows(at: int, row: str, count: int = 3000) -> str:
    rows = [f"{i},1997-01-{i % 28 + 1:02d},{i}.5" for i in range(1, count + 1)]
    rows[at - 1] = row
    return HEADER + "\n".join(rows) + "\n"


def column(folder: Path, *values: str, **options: str) -> pa.ChunkedArray:
    text = "n;value\n" + "".join(f"{n};{value}\n" for n, value in enumerate(values))
    return cv.read(written(folder, text), **options)["value"]


# Real records -----------------------------------------------------------------------------------------------


def test_online_retail_is_read_to_the_last_row() -> None:
    path = data_file("online_retail.csv.gz")
    table = cv.read(path)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        header = next(rows)
        expected = [(row[0], row[2], row[3], row[5], row[6]) for row in rows]
    assert table.num_rows == len(expected) == 541_909
    assert table.column_names == header
    assert table["CustomerID"].null_count == 135_080
    columns = zip(
        *(table[name].to_pylist() for name in ("InvoiceNo", "Description", "Quantity", "UnitPrice", "CustomerID")),
        strict=True,
    )
    for (invoice, text, quantity, price, customer), row in zip(columns, expected, strict=True):
        assert (invoice, text or "", quantity, price) == (row[0], row[1], int(row[2]), float(row[3]))
        assert ("" if customer is None else f"{customer}.0") == row[4]


def test_ids_keep_their_zeros() -> None:
    table = cv.read(data_file("cdnow_master.csv"))
    assert table.num_rows == 69_659
    assert table.schema.types == [pa.string(), pa.date32(), pa.int64(), pa.float64()]
    assert table["customer_id"][0].as_py() == "00001"
    assert len(table["customer_id"].unique()) == 23_570


# Types of CSV columns ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, expected",
    [
        (["7", "-12", ""], pa.int64()),
        (["7.5", "1e3", "-0.25"], pa.float64()),
        (["17850.0", "", "12346.0"], pa.int64()),  # whole numbers as data frames with gaps write them
        (["007", "12"], pa.string()),
        (["+12", "13"], pa.string()),
        (["1E5", "2E7"], pa.string()),  # codes, not powers of ten
        (["12345678901234567890123", "1"], pa.string()),
        (["true", "false"], pa.string()),
        (["10:30", "11:15"], pa.string()),
        (["2020-02-29", ""], pa.date32()),
        (["2020/02/29", "2020/3/1"], pa.date32()),
        (["2020-02-29 10:00:00", "2020-03-01 00:00:00.5"], pa.timestamp("us")),
        (["2020-02-29", "2020-02-29 10:00:00"], pa.timestamp("us")),
        (["2020-02-29T10:00:00+02:00", "2020-02-29T10:00:00Z"], pa.timestamp("us", tz="UTC")),
        (["2020-02-30", "2020-03-01"], pa.string()),  # the check that uses it names the value
        (["", ""], pa.string()),
    ],
)
def test_type_of_a_column(tmp_path: Path, values: list[str], expected: pa.DataType) -> None:
    read = column(tmp_path, *values)
    assert read.type == expected
    assert read.null_count == values.count("")


@pytest.mark.parametrize("row", [2, 30_000])
def test_one_value_decides_wherever_it_stands(tmp_path: Path, row: int) -> None:
    def types(line: str) -> list[pa.DataType]:
        return cv.read(written(tmp_path, many_rows(row, line, 60_000))).schema.types

    assert types("5,1997-01-01,4") == [pa.int64(), pa.date32(), pa.float64()]
    assert types("0005,1997-01-01,4") == [pa.string(), pa.date32(), pa.float64()]
    assert types("#5,1997-01-01,4") == [pa.string(), pa.date32(), pa.float64()]
    assert types("5,1997-02-30,4") == [pa.int64(), pa.string(), pa.float64()]
    assert types("5,1997-01-01,abc") == [pa.int64(), pa.date32(), pa.string()]


def test_whole_numbers_and_times_keep_their_values(tmp_path: Path) -> None:
    assert column(tmp_path, "17850.0", "", "-3.0").to_pylist() == [17850, None, -3]
    times = column(tmp_path, "2020-02-29T10:00:00+02:00", "2020-02-29T10:00:00Z").cast(pa.int64()).to_pylist()
    assert times[1] - times[0] == 2 * 3600 * 1_000_000
    assert math.isnan(column(tmp_path, "1.5", "nan").to_pylist()[1])


# Dates whose order of day and month must be found --------------------------------------------------------------


@pytest.mark.parametrize(
    "values, expected",
    [
        (["12/1/2010", "12/31/2010"], datetime.date(2010, 12, 1)),
        (["12/1/2010", "31/12/2010"], datetime.date(2010, 1, 12)),
        (["1.2.2010", "28.2.2010"], datetime.date(2010, 2, 1)),
        (["1-2-10", "2-28-10"], datetime.date(2010, 1, 2)),
        (["5/5/2010", "6/6/2010"], datetime.date(2010, 5, 5)),  # both orders agree
        (["3-Dec-2010", "31-Jan-2011"], datetime.date(2010, 12, 3)),
        (["12/1/2010 8:26", "12/31/2010 17:05"], datetime.datetime(2010, 12, 1, 8, 26)),
        (["1.12.2010 08:26:05", "31.12.2010 17:05:00"], datetime.datetime(2010, 12, 1, 8, 26, 5)),
        (["12/1/2010 8:26 PM", "12/31/2010 5:05 AM"], datetime.datetime(2010, 12, 1, 20, 26)),
    ],
)
def test_order_of_day_and_month(tmp_path: Path, values: list[str], expected: datetime.date) -> None:
    assert column(tmp_path, *values)[0].as_py() == expected


def test_order_of_day_and_month_is_never_guessed(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r'sales\.csv: column "value" reads as day/month and as month/day alike'):
        assert column(tmp_path, "5/6/2010", "3/4/2010").to_pylist() == ["5/6/2010", "3/4/2010"]
    read = column(tmp_path, "5/6/2010", "3/4/2010", date_format="%d/%m/%Y")
    assert read.to_pylist() == [datetime.date(2010, 6, 5), datetime.date(2010, 4, 3)]
    assert column(tmp_path, "20100605", date_format="%Y%m%d").to_pylist() == [datetime.date(2010, 6, 5)]


def test_bad_dates_among_good_ones_stand_out(tmp_path: Path) -> None:
    good = [f"{day}/12/2010" for day in range(1, 31)]
    assert column(tmp_path, *good, "30/02/2010", "").to_pylist() == [
        *(f"2010-12-{day:02d}" for day in range(1, 31)),
        "30/02/2010",
        None,
    ]


# Forms of CSV -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_delimiters_quotes_and_line_ends(tmp_path: Path, delimiter: str, ending: str) -> None:
    text = io.StringIO(newline="")
    rows = [["name", "it's, so", 'a "b"'], ["x", "semi;colon", "line\nbreak"], ["", "tab\t|", 'say "no"']]
    csv.writer(text, delimiter=delimiter, lineterminator=ending).writerows(rows)
    table = cv.read(written(tmp_path, text.getvalue()))
    assert table.column_names == rows[0]
    assert [list(row.values()) for row in table.to_pylist()] == [[cell or None for cell in row] for row in rows[1:]]


def test_any_table_survives_the_way_through_a_file(tmp_path: Path) -> None:
    generator = random.Random(7)
    pieces = ["a", "é", " ", "'", '"', ",", ";", "\n", "#", "0", "-", "=", "\u2028"]
    for _ in range(30):
        width = generator.randint(2, 6)
        rows = [
            ["x" + "".join(generator.choices(pieces, k=generator.randint(0, 6))) for _ in range(width)]
            for _ in range(generator.randint(1, 400))
        ]
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([[f"c{i}" for i in range(width)], *rows])
        table = cv.read(written(tmp_path, text.getvalue()))
        assert [list(row.values()) for row in table.to_pylist()] == rows


@pytest.mark.parametrize("codec", ["latin-1", "cp1252", "utf-16", "utf-8-sig"])
def test_encodings(tmp_path: Path, codec: str) -> None:
    path = written(tmp_path, "id,name\n1,Müller\n2,Ibáñez\n", encoding=codec)
    given = {"encoding": codec} if codec in ("latin-1", "cp1252") else {}
    assert cv.read(path, **given).to_pylist() == [{"id": 1, "name": "Müller"}, {"id": 2, "name": "Ibáñez"}]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    written(tmp_path, "id,a\n01,2\n", "a.csv")
    (tmp_path / "b.csv").write_bytes(b"id,a\n2,2.5\n")
    table = cv.read(f"{tmp_path}/?.csv")
    assert table.to_pylist() == [{"id": "01", "a": 2.0}, {"id": "2", "a": 2.5}]
    written(tmp_path, "id,b\n2,2.5\n", "c.csv")
    with pytest.raises(ValueError, match=r"c\.csv: its header \(id, b\) differs from that of .*a\.csv \(id, a\)"):
        cv.read(f"{tmp_path}/?.csv")


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    table = cv.read(written(tmp_path, HEADER))
    assert (table.column_names, table.num_rows) == (["id", "date", "amount"], 0)


# Malformed files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 2990])
@pytest.mark.parametrize(
    "row, complaint",
    [
        ("5,1997-01-01", 'line {}: 2 fields where the header names 3: "5,1997-01-01"'),
        ("5,1997-01-01,4,5", 'line {}: 4 fields where the header names 3: "5,1997-01-01,4,5"'),
        ('"5,1997-01-01,4', "line {}: a quoted value is not closed"),
        ('"5"6,1997-01-01,4', "line {}: a quoted value is not closed"),
        ("5,1997-01-01,4\r", "line {} does not end as the lines before it do"),
        (b"5,1997-01-01,\xe9", "line {}: the text is not UTF-8"),
        (b"\xe9,1997-01-01,5", "line {}: the text is not UTF-8"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, at: int, row: str | bytes, complaint: str) -> None:
    text = many_rows(at, "ROW").encode().replace(b"ROW", row if isinstance(row, bytes) else row.encode())
    with pytest.raises(ValueError, match="sales") as raised:
        cv.read(written(tmp_path, text))
    message = str(raised.value)
    assert complaint.format(f"{at + 1:,}") in message
    assert "sales.csv" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("1,1997-01-01,3\n2,1997-01-02,4\n", "the first line must name the columns"),
        ("id,date,id\n1,2,3\n", 'the column "id" appears 2 times'),
        (gzip.compress(HEADER.encode() * 5000)[:-40], "cannot be read"),
        (b"\x1f\x8b" + b"nothing" * 9, "cannot be read"),
        (b"SQLite format 3\x00", "file is not a database"),
        (b"PK\x03\x04workbook", "is a workbook or zip archive"),
    ],
)
def test_unusable_files(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"sales\.csv") as raised:
        cv.read(written(tmp_path, text))
    assert complaint in str(raised.value)


def test_unusable_sources(tmp_path: Path) -> None:
    for source, complaint in [
        ("no-such-file.csv", r"no-such-file\.csv: there is no such file"),
        (f"{tmp_path}/*.csv", "no file has such a name"),
        (tmp_path, "is a directory"),
        ("mysql://user:secret@host/shop", "^mysql://host/shop: only local files and PostgreSQL are read"),
        ("https://example.org/sales.csv", "only local files and PostgreSQL are read"),
        ("  ", "the source is an empty text"),
        (written(tmp_path, "", "x.parquet"), r"x\.parquet: is empty"),
        (written(tmp_path, "id\n1\n", "x.duckdb"), "does not hold what its name says"),
        (written(tmp_path, "id\n1\n", "x.csv.gz"), r"x\.csv\.gz: is no gzip archive, whatever its name says"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            cv.read(source)
    with pytest.raises(ValueError, match='there is no encoding "klingon"'):
        cv.read(written(tmp_path, HEADER), encoding="klingon")
    with pytest.raises(ValueError, match="the file is not ascii"):
        cv.read(written(tmp_path, "name\né\n"), encoding="ascii")


# Parquet, databases, queries ----------------------------------------------------------------------------------


def test_parquet_keeps_rows_in_order(tmp_path: Path) -> None:
    amounts = [decimal.Decimal("1.10"), None, decimal.Decimal("2.55")]
    pq.write_table(pa.table({"id": ["0001", "2", "3"], "amount": amounts}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"id": ["4"], "amount": [decimal.Decimal("-3.00")]}), tmp_path / "2.parquet")
    table = cv.read(f"{tmp_path}/*.parquet")
    assert table.to_pydict() == {"id": ["0001", "2", "3", "4"], "amount": [1.1, None, 2.55, -3.0]}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute("CREATE TABLE sales AS SELECT 7 AS id, DATE '2020-02-29' AS day, 2.50::DECIMAL(10, 2) AS amount")
    connection.close()
    return path


def test_duckdb_file(database: Path) -> None:
    expected = [{"id": 7, "day": datetime.date(2020, 2, 29), "amount": 2.5}]
    before = database.read_bytes()
    assert cv.read(database).to_pylist() == expected
    assert cv.read("sales", database=database).to_pylist() == expected
    assert cv.read("SELECT id FROM sales WHERE amount > 2", database=database).to_pylist() == [{"id": 7}]
    assert database.read_bytes() == before
    with pytest.raises(ValueError, match=r'there is no table "orders" in the database; it has main\.sales'):
        cv.read("orders", database=database)
    with pytest.raises(ValueError, match="no such file"):
        cv.read("orders", database=database.with_name("other.duckdb"))


def test_duckdb_file_that_cannot_be_opened(database: Path) -> None:
    connection = duckdb.connect(str(database))
    with pytest.raises(ValueError, match=r"shop\.duckdb: cannot be opened: this program has it open already"):
        cv.read(database)
    table = connection.sql("FROM sales")
    assert len(cv.summarize(table, customer="id", time="day", amount="amount")) == 1
    connection.close()
    writer = f"import duckdb, sys; c = duckdb.connect({str(database)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", writer], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(ValueError, match="cannot be opened: another program has it open for writing"):
            cv.read(database)
        process.communicate()
    damaged = database.with_name("damaged.duckdb")
    damaged.write_bytes(database.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"damaged\.duckdb: cannot be opened"):
        cv.read(damaged)


def test_duckdb_file_with_several_tables(database: Path) -> None:
    connection = duckdb.connect(str(database))
    connection.execute("CREATE SCHEMA archive; CREATE TABLE archive.old AS SELECT 1 AS id")
    connection.close()
    with pytest.raises(ValueError, match=r"which table\? it has archive\.old, main\.sales"):
        cv.read(database)
    assert cv.read("archive.old", database=database).to_pylist() == [{"id": 1}]
    assert cv.read("Old", database=database).to_pylist() == [{"id": 1}]


def test_types_of_a_database_become_types_of_tables(database: Path) -> None:
    types = cv.read(
        "SELECT 1::TINYINT AS a, 2::UINTEGER AS b, 3::HUGEINT AS c, 4.25::FLOAT AS d, 'x'::ENUM('x') AS e, "
        "'12345678-1234-1234-1234-123456789abc'::UUID AS f, TIME '10:00' AS g",
        database=database,
    )
    assert types.schema.types == [pa.int32(), pa.int64(), pa.int64(), pa.float64(), *[pa.string()] * 3]
    with pytest.raises(ValueError, match="out of range"):
        cv.read("SELECT 12345678901234567890123456789::HUGEINT AS id", database=database)


def test_files_in_a_query_are_read_as_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, many_rows(2999, "0007,1997-01-01,4", 60_000), "it's.csv")
    query = "SELECT a.id FROM 'it''s.csv' a JOIN (SELECT max(amount) AS top FROM \"it's.csv\") b ON a.amount = b.top;"
    assert cv.read(query).to_pylist() == [{"id": "60000"}]
    assert cv.read("FROM 'it''s.csv' SELECT id WHERE id LIKE '0%'").to_pylist() == [{"id": "0007"}]
    written(tmp_path, many_rows(7, "7,1997-01-01"), "short.csv")
    with pytest.raises(ValueError, match=r"short\.csv, line 8: 2 fields"):
        cv.read("SELECT count(*) FROM 'short.csv'")


def test_try_cast_passes_over_what_is_no_number(tmp_path: Path) -> None:
    path = written(tmp_path, "id,amount\n1,abc\n2,3\n")
    assert cv.read(f"SELECT try_cast(amount AS DOUBLE) AS a FROM '{path}'")["a"].to_pylist() == [None, 3.0]


def test_queries_that_cannot_run(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "1,2020-01-01,3\n")
    for query, complaint in [
        (f"SELECT nope FROM '{path}'", "nope"),
        ("SELECT 1 AS a; SELECT 2 AS a", "must be a single SELECT"),
        ("SELECT * FROM no_such_table", "no_such_table"),
        ("SELECT * FROM 'missing.csv'", r"missing\.csv"),
        ("SELECT FROM WHERE", "the query cannot be read"),
        ("WITH x AS (SELECT 1) DELETE FROM y", "the query cannot be read"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            cv.read(query)


def test_a_query_sees_no_variables_of_the_program() -> None:
    frame = pa.table({"id": [1]})
    assert frame.num_rows == 1
    with pytest.raises(ValueError, match="frame"):
        cv.read("SELECT * FROM frame")


# Batches ------------------------------------------------------------------------------------------------------


def test_batches_hold_the_same_rows(tmp_path: Path) -> None:
    path = written(tmp_path, many_rows(5, "0005,1997-01-01,4", 30_000))
    reader = cv.read_batches(path, batch_rows=4096)
    batches = list(reader)
    assert len(batches) > 5
    assert pa.Table.from_batches(batches, reader.schema).equals(cv.read(path))
    with pytest.raises(ValueError, match="batch_rows"):
        cv.read_batches(path, batch_rows=0)
    with pytest.raises(ValueError, match="no such file"):
        cv.read_batches(tmp_path / "missing.csv")


def test_an_abandoned_reader_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = written(tmp_path, "id,name\n1,é\n", encoding="latin-1")
    reader = cv.read_batches(path, encoding="latin-1")
    assert len(list(tmp_path.glob("clavis-*"))) == 1
    del reader
    gc.collect()
    assert not list(tmp_path.glob("clavis-*"))


@pytest.mark.parametrize("missing", ["duckdb", "pyarrow"])
def test_a_missing_package_is_named(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import clavis\n"
        "try:\n    clavis.read('x.csv')\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"reading files needs the package {missing}: pip install 'clavis[io]'\n"
