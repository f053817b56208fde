"""cv.read of SQLite files and of a PostgreSQL server that these tests start where its programs are installed."""

from __future__ import annotations

import datetime
import gc
import glob
import math
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import clavis as cv

duckdb = pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")

UTC = datetime.timezone.utc
PEAK = """
import sys, clavis
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
clavis.read_batches("SELECT 1 AS a", database=sys.argv[1]).read_all()
before, rows = peak(), 0
for batch in clavis.read_batches("sales", database=sys.argv[1], batch_rows=8192):
    rows += batch.num_rows
print(rows, round(peak() - before))
"""


def sqlite_file(folder: Path, *statements: str, name: str = "shop.sqlite") -> Path:
    connection = sqlite3.connect(folder / name)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return folder / name


def column(folder: Path, declared: str, *values: object) -> pa.ChunkedArray:
    path = folder / "column.sqlite"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE t(v {declared})")
    connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    connection.commit()
    connection.close()
    return cv.read(path)["v"]


def grown(database: str | Path) -> tuple[int, int]:
    """Rows read by batches in a process of their own, and the MiB by which its peak memory grew."""
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc, which is not here")
    done = subprocess.run([sys.executable, "-c", PEAK, str(database)], capture_output=True, text=True, check=True)
    rows, mebibytes = done.stdout.split()
    return int(rows), int(mebibytes)


# SQLite: types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declared, values, expected",
    [
        ("INTEGER", [7, None, -(2**63)], pa.int64()),
        ("", [7, 12], pa.int64()),
        ("REAL", [1, 2.5], pa.float64()),
        ("", [1, 2.5], pa.float64()),
        ("INTEGER", [1, 2.5], pa.float64()),
        ("DECIMAL(10,2)", [12, 13], pa.float64()),  # stored as whole numbers, declared as decimals
        ("NUMERIC", [12345678901234567, 1], pa.int64()),  # a code, of which float64 would lose a digit
        ("BOOLEAN", [0, 1], pa.int64()),
        ("TEXT", [7, "007"], pa.string()),
        ("VARCHAR(9)", ["", "é\0x"], pa.string()),
        ("", ["a", "b"], pa.string()),
        ("BLOB", [b"\xff\x00", None], pa.binary()),
        ("INTEGER", [None], pa.int64()),
        ("DOUBLE", [], pa.float64()),
        ("TEXT", [], pa.string()),
        ("", [None], pa.string()),
        ("DATE", [], pa.date32()),
        ("DATETIME", [None], pa.timestamp("us")),
        ("DATE", ["2020-02-29", None], pa.date32()),
        ("DATE", ["2020-02-29", "2020-03-01 10:00:00"], pa.timestamp("us")),
        ("TIMESTAMP", ["2020-02-29", "2020-03-01 10:00:00.5"], pa.timestamp("us")),
        ("DATETIME", ["2020-02-29T10:00:00"], pa.timestamp("us")),
        ("timestamp with time zone", ["2020-02-29 10:00:00+02:00", "2020-02-29T10:00:00Z"], pa.timestamp("us", "UTC")),
        ("DATE", ["2020-02-29", "2020-02-30"], pa.string()),  # impossible: stays text, so that it can be named
        ("TIMESTAMP", ["2020-02-29", "2020-02-29 10:00:00Z"], pa.string()),
        ("DATE", [1582934400], pa.int64()),  # seconds or days of what? nothing is guessed
        ("TEXT", ["2020-02-29"], pa.string()),
        ("UPDATE_NOTE TEXT", ["2020-02-29"], pa.string()),
    ],
)
def test_sqlite_types(tmp_path: Path, declared: str, values: list[object], expected: pa.DataType) -> None:
    read = column(tmp_path, declared, *values)
    assert read.type == expected
    assert read.null_count == values.count(None)
    if expected == pa.int64():
        assert read.to_pylist() == values


def test_sqlite_values(tmp_path: Path) -> None:
    assert column(tmp_path, "DATE", "2020-02-29", None).to_pylist() == [datetime.date(2020, 2, 29), None]
    assert column(tmp_path, "DATETIME", "2020-02-29 10:00:00.5", "1901-01-01").to_pylist() == [
        datetime.datetime(2020, 2, 29, 10, 0, 0, 500_000),
        datetime.datetime(1901, 1, 1),
    ]
    zoned = column(tmp_path, "TIMESTAMP", "2020-02-29 10:00:00+02:00").cast(pa.timestamp("us")).to_pylist()
    assert zoned == [datetime.datetime(2020, 2, 29, 8)]
    assert column(tmp_path, "REAL", 1, 2.5, math.inf).to_pylist() == [1.0, 2.5, math.inf]
    assert column(tmp_path, "TEXT", "é\0x", "", 12).to_pylist() == ["é\0x", "", "12"]


@pytest.mark.parametrize("declared, value", [("INTEGER", 7), ("REAL", 2.5), ("DATE", "2020-02-29"), ("BLOB", b"x")])
def test_blank_text_is_missing_among_other_types(tmp_path: Path, declared: str, value: object) -> None:
    read = column(tmp_path, declared, "", value, "")
    assert read.to_pylist().count(None) == 2
    assert read.type != pa.string()


def test_any_table_of_sqlite_is_read_as_it_is(tmp_path: Path) -> None:
    generator = random.Random(11)
    makers: dict[str, Callable[[], object]] = {
        "INTEGER": lambda: generator.randint(-(2**63), 2**63 - 1),
        "REAL": lambda: generator.choice([generator.uniform(-1e300, 1e300), 0.1, -0.0, 5e-324]),
        "TEXT": lambda: "".join(generator.choices(["a", "é", "'", '"', "\n", "😀", " "], k=generator.randint(0, 9))),
    }
    for number in range(10):
        kinds = generator.choices(list(makers), k=generator.randint(1, 7))
        rows = [
            tuple(None if generator.random() < 0.1 else makers[kind]() for kind in kinds)
            for _ in range(generator.randint(1, 40_000 if number == 0 else 300))
        ]
        path = tmp_path / f"{number}.sqlite"
        connection = sqlite3.connect(path)
        names = [f'c"{i} é' for i in range(len(kinds))]
        quoted = ['"' + name.replace('"', '""') + '"' for name in names]
        connection.execute(f"CREATE TABLE t({', '.join(map(' '.join, zip(quoted, kinds, strict=True)))})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(kinds))})", rows)
        connection.commit()
        connection.close()
        table = cv.read(path)
        assert table.column_names == names
        assert list(zip(*(table[name].to_pylist() for name in names), strict=True)) == rows


# SQLite: which table, queries ---------------------------------------------------------------------------------


def test_tables_and_queries_of_sqlite(tmp_path: Path) -> None:
    path = sqlite_file(
        tmp_path,
        "CREATE TABLE Sales(id INTEGER PRIMARY KEY AUTOINCREMENT, day DATE, amount REAL)",
        "INSERT INTO Sales(day, amount) VALUES ('2020-02-29', 2.5), ('2020-03-01', 3.5), ('2020-01-01', 1.5)",
        name="it's 100% #1?.db",
    )
    before = path.read_bytes()
    expected = {
        "id": [1, 2, 3],
        "day": [datetime.date(2020, 2, 29), datetime.date(2020, 3, 1), datetime.date(2020, 1, 1)],
        "amount": [2.5, 3.5, 1.5],
    }
    assert cv.read(path).to_pydict() == expected  # its own table of counters does not count as one
    assert cv.read("sales", database=path).to_pydict() == expected
    query = "SELECT day AS d, amount * 2 AS twice FROM Sales WHERE amount > 2 ORDER BY amount DESC; "
    assert cv.read(query, database=str(path)).to_pydict() == {
        "d": [datetime.date(2020, 3, 1), datetime.date(2020, 2, 29)],
        "twice": [7.0, 5.0],
    }
    named = path.rename(tmp_path / "plain.db")
    assert cv.read(f"SELECT sum(amount) AS s FROM '{named}'")["s"].to_pylist() == [7.5]
    assert cv.read(f"SELECT a.id FROM '{named}' a JOIN '{named}' b ON a.id = b.id + 1 ORDER BY 1").num_rows == 2
    assert named.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [named]


def test_a_table_of_sqlite_that_is_not_there(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path, "CREATE TABLE a(x)", "CREATE TABLE b(y)", "CREATE VIEW c AS SELECT * FROM a")
    for source, database, complaint in [
        (path, None, r"shop\.sqlite: which table\? it has a, b, c; give the table as the source and the file as"),
        ("d", path, 'there is no table "d" in the database; it has a, b, c'),
        ("SELECT nope FROM a", path, r"shop\.sqlite: no such column: nope"),
        ("SELECT x FROM d", path, r"shop\.sqlite: no such table: d"),
        ("SELECT x FROM a; DROP TABLE a", path, "one statement"),
        ("WITH z AS (SELECT 1) DELETE FROM a", path, "syntax error"),
        (sqlite_file(tmp_path, "CREATE TABLE x(y)", "DROP TABLE x", name="none.db"), None, "which table. it has none"),
        (f"{tmp_path}/*.*", None, "one database at a time"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            cv.read(source, database=database)
    assert cv.read("a", database=path).num_rows == 0


# SQLite: what cannot be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [3, 40_000])
@pytest.mark.parametrize(
    "declared, value, complaint",
    [
        ("INTEGER", "'abc'", '"abc" is text where the column holds numbers'),
        ("REAL", "x'ff'", "there is a blob where the column holds numbers"),
        ("", "'A17'", '"A17" is text where the column holds numbers'),
        ("INTEGER", "CAST(x'e97a' AS TEXT)", '"\ufffdz" is text where the column holds numbers'),
    ],
)
def test_mixed_types_are_named(tmp_path: Path, row: int, declared: str, value: str, complaint: str) -> None:
    path = sqlite_file(
        tmp_path,
        f"CREATE TABLE sales(id INTEGER, amount {declared})",
        "INSERT INTO sales WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 40999) "
        f"SELECT i, CASE i WHEN {row} THEN {value} ELSE i END FROM n",
    )
    for source, shown in [("sales", 'table "sales"'), ("SELECT amount FROM sales", "the query")]:
        with pytest.raises(ValueError, match="CAST") as raised:
            cv.read_batches(source, database=path)
        assert str(raised.value).startswith(f'{path}, {shown}, column "amount", row {row}: {complaint}; a query')
    if declared == "" and row > 3:
        texts = cv.read("SELECT CAST(amount AS TEXT) AS amount FROM sales", database=path)["amount"]
        assert texts[row].as_py() == "A17"


def test_text_first_then_numbers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'column "v", row 2: "7" is a number where the column holds texts'):
        column(tmp_path, "", None, "A17", 7)


@pytest.mark.parametrize("row", [3, 40_000])
@pytest.mark.parametrize("declared", ["TEXT", "DATE"])
def test_text_that_is_not_utf8_is_named(tmp_path: Path, row: int, declared: str) -> None:
    path = sqlite_file(
        tmp_path,
        f"CREATE TABLE sales(id INTEGER, name {declared})",
        "INSERT INTO sales WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < 40999) "
        f"SELECT i, CASE i WHEN {row} THEN CAST(x'4de96c' AS TEXT) ELSE 'é' END FROM n",
    )
    complaint = rf'shop\.sqlite, table "sales", column "name", row {row}: the text "M\\xe9l" is not UTF-8$'
    with pytest.raises(ValueError, match=complaint):
        cv.read(path)
    with pytest.raises(ValueError, match=complaint):
        cv.read_batches(path).read_all()


def test_a_damaged_or_locked_sqlite_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sqlite_file(tmp_path, "CREATE TABLE a(x)", "INSERT INTO a VALUES (zeroblob(100000))")
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"damaged\.sqlite: .*malformed"):
        cv.read(damaged)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **named, timeout=0.1))
    writer = connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ValueError, match=r"shop\.sqlite: another program has it open for writing"):
        cv.read(path)
    writer.execute("COMMIT")
    writer.close()
    assert cv.read(path).num_rows == 1


# SQLite: batches ----------------------------------------------------------------------------------------------


def big_sqlite_file(folder: Path, rows: int) -> Path:
    return sqlite_file(
        folder,
        "CREATE TABLE sales(id INTEGER, text TEXT)",
        f"INSERT INTO sales WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < {rows - 1}) "
        "SELECT i, printf('%0200d', i) FROM n",
    )


def test_batches_of_sqlite_hold_the_same_rows(tmp_path: Path) -> None:
    path = big_sqlite_file(tmp_path, 50_000)
    reader = cv.read_batches(path, batch_rows=4096)
    batches = list(reader)
    assert len(batches) > 5
    assert max(batch.num_rows for batch in batches) <= 4096
    table = pa.Table.from_batches(batches, reader.schema)
    assert table.equals(cv.read(path))
    assert table["id"].to_pylist() == list(range(50_000))


def test_an_abandoned_reader_lets_the_file_go(tmp_path: Path) -> None:
    path = big_sqlite_file(tmp_path, 50_000)
    unread, begun = cv.read_batches(path), cv.read_batches(path, batch_rows=100)
    assert next(iter(begun)).num_rows > 0
    del unread, begun
    gc.collect()
    writer = sqlite3.connect(path, timeout=0.1)
    writer.execute("DROP TABLE sales")
    writer.commit()
    writer.close()


def test_batches_of_sqlite_need_little_memory(tmp_path: Path) -> None:
    rows, mebibytes = grown(big_sqlite_file(tmp_path, 1_200_000))
    assert rows == 1_200_000
    assert mebibytes < 150  # the texts alone are 229 MiB


def test_records_of_sqlite_are_summarized(tmp_path: Path) -> None:
    path = sqlite_file(
        tmp_path,
        "CREATE TABLE sales(customer TEXT, day DATE, amount DECIMAL(10,2))",
        "INSERT INTO sales VALUES ('a', '2020-01-01', 5), ('a', '2020-01-08', 7.5), ('b', '2020-01-02', 1)",
    )
    summary = cv.summarize(cv.read_batches(path), customer="customer", time="day", amount="amount")
    assert list(summary["frequency"]) == [1, 0]
    pytest.importorskip("typer")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "clavis", "summarize", "sales", "--database", str(path)),
            *("--customer", "customer", "--time", "day", "--amount", "amount * 2"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith('"a",1,1,1,15,')


# PostgreSQL ---------------------------------------------------------------------------------------------------

PASSWORD = "sésame/ouvre@toi:1"


class Server:
    """A PostgreSQL server of these tests' own, on loopback and a socket in a temporary folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def url(self, name: str = "shop", user: str = "keeper", password: str = PASSWORD, host: str = "127.0.0.1") -> str:
        return f"postgresql://{user}:{quote(password, safe='')}@{host}:{self.port}/{name}"

    def run(self, *statements: str, name: str = "shop") -> None:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.url(name), autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("adbc_driver_postgresql", reason="adbc_driver_postgresql is not installed")
    found = shutil.which("initdb") or max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default=None)
    if found is None:
        pytest.skip("the server programs of PostgreSQL are not installed")
    programs = Path(found).resolve().parent
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and runuser is not there to run it as nobody")
        as_user = ["runuser", "-u", "nobody", "--"]
    folder = Path(tempfile.mkdtemp(prefix="clavis-pg-"))
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    if as_user:
        shutil.chown(folder, "nobody")
        shutil.chown(folder / "password", "nobody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), *arguments]
        log = folder / f"{program}.txt"
        with log.open("w") as stream:  # not a pipe, which the server would hold open
            done = subprocess.run(command, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"{program}: {log.read_text()[-500:]}")

    started = False
    try:
        run(
            "initdb",
            *("-D", f"{folder}/data", "-U", "keeper", "--auth=scram-sha-256", f"--pwfile={folder}/password"),
            *("-E", "UTF8", "--locale=C", "--no-sync"),
        )
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off -p {port}"
        run("pg_ctl", "-D", f"{folder}/data", "-w", "-t", "60", "-l", f"{folder}/log", "-o", options, "start")
        started = True
    except RuntimeError as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {error}")
    try:
        here = Server(folder, port)
        here.run("CREATE DATABASE shop", "CREATE DATABASE kiosk", name="postgres")
        here.run("CREATE TABLE sales AS SELECT 7 AS id, DATE '2020-02-29' AS day, 2.50::numeric(9, 2) AS amount")
        here.run("CREATE SCHEMA archive", "CREATE TABLE archive.sales AS SELECT 1 AS id")
        here.run("CREATE TABLE \"Only.One\" AS SELECT 'é' AS text", name="kiosk")
        yield here
    finally:
        if started:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_tables_and_queries_of_postgresql(server: Server) -> None:
    expected = [{"id": 7, "day": datetime.date(2020, 2, 29), "amount": 2.5}]
    for source in ("sales", "public.sales", "SALES", "SELECT * FROM sales;", "SELECT * FROM sales -- all of them"):
        assert cv.read(source, database=server.url()).to_pylist() == expected
    assert cv.read("archive.sales", database=server.url()).to_pylist() == [{"id": 1}]
    assert cv.read(server.url("kiosk")).to_pylist() == [{"text": "é"}]
    socket_url = f"postgresql:///kiosk?host={server.folder}&port={server.port}&user=keeper&password="
    assert cv.read(socket_url + quote(PASSWORD, safe="")).to_pylist() == [{"text": "é"}]
    ordered = cv.read("SELECT i AS n FROM generate_series(1, 50000) i ORDER BY i DESC", database=server.url())
    assert ordered["n"].to_pylist() == list(range(50_000, 0, -1))
    nothing = cv.read("SELECT id, day FROM sales WHERE id > 7", database=server.url())
    assert (nothing.num_rows, nothing.schema.types) == (0, [pa.int32(), pa.date32()])


@pytest.mark.parametrize(
    "expression, type_, value",
    [
        ("1::smallint", pa.int32(), 1),
        ("2::bigint", pa.int64(), 2),
        ("1.5::real", pa.float64(), 1.5),
        ("12.34::numeric", pa.float64(), 12.34),
        ("12.34::money", pa.float64(), 12.34),
        ("7::oid", pa.int64(), 7),
        ("true", pa.bool_(), True),
        ("'x'::char(3)", pa.string(), "x"),
        ("NULL", pa.string(), None),
        ("NULL::numeric", pa.float64(), None),
        ("'ok'::mood", pa.string(), "ok"),
        ("3::small_number", pa.int32(), 3),
        ("ARRAY[1, 2]", pa.list_(pa.int32()), [1, 2]),
        ("ARRAY[1.5]", pa.string(), "{1.5}"),
        ("'{\"a\": 1}'::jsonb", pa.string(), '{"a": 1}'),
        ("'12345678-1234-1234-1234-123456789abc'::uuid", pa.string(), "12345678-1234-1234-1234-123456789abc"),
        ("INTERVAL '36 hours'", pa.string(), "36:00:00"),
        ("TIME '10:00'", pa.string(), "10:00:00"),
        ("'10.0.0.1'::inet", pa.string(), "10.0.0.1/32"),
        ("ROW(1, 'a')", pa.string(), "(1,a)"),
        ("'\\xff00'::bytea", pa.binary(), b"\xff\x00"),
        ("DATE '0001-01-01'", pa.date32(), datetime.date(1, 1, 1)),
        ("DATE '9999-12-31'", pa.date32(), datetime.date(9999, 12, 31)),
        ("TIMESTAMP '9999-12-31 23:59:59.999999'", pa.timestamp("us"), datetime.datetime.max),
        (
            "TIMESTAMPTZ '2020-02-29 10:00:00+02'",
            pa.timestamp("us", "UTC"),
            datetime.datetime(2020, 2, 29, 8, tzinfo=UTC),
        ),
    ],
)
def test_postgresql_types(server: Server, expression: str, type_: pa.DataType, value: Any) -> None:
    if "mood" in expression:
        server.run("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    if "small_number" in expression:
        server.run("CREATE DOMAIN small_number AS integer CHECK (value < 10)")
    read = cv.read(f"SELECT {expression} AS v", database=server.url())["v"]
    assert read.type.equals(type_) or (pa.types.is_list(type_) and read.type.value_type == type_.value_type)
    assert read.to_pylist() == [value]


@pytest.mark.parametrize(
    "expression, complaint",
    [
        ("CASE i WHEN 40000 THEN 'infinity' ELSE DATE '2020-01-01' END", "a date outside the years 1 to 9999"),
        ("CASE i WHEN 40000 THEN '-infinity' ELSE now() END", "a time outside the years 1 to 9999"),
        ("CASE i WHEN 40000 THEN TIMESTAMP '0044-03-15 BC' END", "a time outside the years 1 to 9999"),
        ("CASE i WHEN 40000 THEN 12345678901234567.5 ELSE i END", "a decimal with more digits than float64 holds"),
    ],
)
def test_what_a_column_cannot_hold_is_named(server: Server, expression: str, complaint: str) -> None:
    query = f"SELECT i, {expression} AS v FROM generate_series(0, 40999) i"
    with pytest.raises(ValueError, match=rf'database shop on 127.*, column "v", row 40000: {complaint}'):
        cv.read(query, database=server.url())
    with pytest.raises(ValueError, match=rf'column "v", row 40000: {complaint}'):
        cv.read_batches(query, database=server.url()).read_all()


def test_postgresql_is_only_read(server: Server) -> None:
    server.run("CREATE TABLE counted(n int)", "CREATE SEQUENCE numbers")
    for query, complaint in [
        ("SELECT nextval('numbers') AS n", "read-only"),
        ("WITH d AS (DELETE FROM sales RETURNING id) SELECT * FROM d", "data-modifying"),
        ("SELECT 1 AS a) x; DROP TABLE sales; SELECT (1", "syntax error|multiple commands"),
        ("SELECT 1 AS a; DROP TABLE sales", "syntax error|multiple commands"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            cv.read(query, database=server.url())
    assert cv.read("sales", database=server.url()).num_rows == 1


def test_errors_of_postgresql_have_one_line_and_no_credentials(server: Server) -> None:
    url = server.url
    for source, database, complaint in [
        ("orders", url(), 'there is no table "orders" in the database; it has archive.sales, '),
        (url(), None, r"PostgreSQL database shop on 127\.0\.0\.1:\d+: which table\? it has archive\.sales, "),
        ("SELECT nope FROM sales", url(), 'shop on 127.*: column "nope" does not exist$'),
        ("SELECT id, id FROM sales", url(), 'the column "id" appears more than once'),
        ("SELECT 1 / (i - 70000) AS n FROM generate_series(1, 80000) i", url(), "division by zero$"),
        ("sales", url(password="wrongword"), "password authentication failed"),
        ("sales", url(user="stranger"), "password authentication failed"),
        ("sales", url("cellar"), 'database "cellar" does not exist'),
        ("sales", url().replace("shop", "shop?nonsense=keeper"), "invalid URI query parameter"),
        ("sales", url(host="127.0.0.2").replace(f":{server.port}", ":1"), "on 127.0.0.2:1: .*refused"),
        ("sales", f"postgresql://keeper:{PASSWORD}@127.0.0.1:{server.port}/shop", "URL .* cannot be read"),
        ("sales", f"mysql://keeper:{PASSWORD}@127.0.0.1/shop", "mysql://127.0.0.1/shop: only local files"),
        (f"SELECT * FROM 'postgresql://keeper:{PASSWORD}@127.0.0.1/shop'", None, "127.0.0.1/shop"),
    ]:
        for reading in (cv.read, lambda source, database: cv.read_batches(source, database=database).read_all()):
            with pytest.raises(ValueError, match=complaint) as raised:
                reading(source, database=database) if reading is cv.read else reading(source, database)
            told: BaseException | None = raised.value
            while told is not None:  # what is chained is printed too
                message = str(told)
                assert not [
                    word for word in ("keeper", "stranger", "wrongword", "sésame", "ouvre") if word in message
                ], message
                assert "s%C3%A9same" not in message
                told = None if told.__suppress_context__ else told.__cause__ or told.__context__
            assert "\n" not in str(raised.value)


def test_batches_of_postgresql_hold_the_same_rows_in_little_memory(server: Server) -> None:
    server.run(
        "CREATE TABLE archive.big AS SELECT i AS id, lpad(i::text, 200, '0') AS text FROM generate_series(0, 99999) i"
    )
    reader = cv.read_batches("SELECT * FROM archive.big WHERE id < 50000", database=server.url(), batch_rows=4096)
    batches = list(reader)
    assert max(batch.num_rows for batch in batches) <= 4096
    table = pa.Table.from_batches(batches, reader.schema)
    assert table["id"].to_pylist() == list(range(50_000))
    abandoned = cv.read_batches("archive.big", database=server.url(), batch_rows=100)
    assert next(iter(abandoned)).num_rows > 0
    del abandoned, reader
    gc.collect()
    server.run("CREATE DATABASE large", name="kiosk")
    server.run(
        "CREATE TABLE sales AS SELECT i AS id, lpad(i::text, 200, '0') AS text FROM generate_series(0, 1199999) i",
        name="large",
    )
    rows, mebibytes = grown(server.url("large"))
    assert rows == 1_200_000
    assert mebibytes < 150  # the texts alone are 229 MiB


def test_the_command_reads_postgresql_and_writes_no_credentials(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("typer")
    server.run("CREATE DATABASE orders", name="kiosk")
    server.run(
        "CREATE TABLE sales AS SELECT i % 50 AS customer_id, DATE '2020-01-01' + i % 300 AS time, i % 7 + 0.5 AS net "
        "FROM generate_series(1, 2000) i",
        name="orders",
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "clavis", "summarize", server.url("orders"), "--amount", "net * 2", "--json"),
            *("--out", str(tmp_path / "summary.csv")),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f'"postgresql://127.0.0.1:{server.port}/orders"' in done.stdout
    assert "keeper" not in done.stdout + done.stderr
    assert (tmp_path / "summary.csv").read_text(encoding="utf-8").count("\n") == 51


def test_a_missing_driver_is_named() -> None:
    program = (
        "import sys; sys.modules['adbc_driver_postgresql'] = None\n"
        "import clavis\n"
        "try:\n    clavis.read('postgresql://keeper:secret@host/shop')\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "reading PostgreSQL needs the package adbc_driver_postgresql: pip install 'clavis[postgresql]'\n"
    )
