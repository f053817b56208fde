"""The command line: what it writes, what it says, how it fails, and that nothing is ever half written."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import clavis as cv

pytest.importorskip("typer")
pytest.importorskip("rich")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from clavis import _write  # noqa: E402
from clavis.cli import main  # noqa: E402

DATA = Path(os.environ.get("CLAVIS_DATA", Path(__file__).parents[2] / "../shared/data"))
GUIDE = Path(__file__).parents[2] / "docs" / "guide"
FILES = {
    *(f"{stem}.{kind}" for stem in ("customers", "segments", "alerts", "metrics") for kind in ("csv", "parquet")),
    "quality.json",
    "models.json",
    "summary.md",
    "clavis.json",
}


def data_file(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {DATA}; set CLAVIS_DATA")
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop's transactions as CSV."""
    path = tmp_path_factory.mktemp("shop") / "sales.csv"
    book = cv.simulate_shop(customers=200, seed=3)
    _write.write_table(book.transactions, path)
    return path


def analyse(shop: Path, out: Path, *more: str) -> int:
    return main(["analyse", str(shop), "--out", str(out), *more])


def run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clavis", *arguments], capture_output=True, text=True, check=False, cwd=folder
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# What is written ------------------------------------------------------------------------------------------------


def test_analyse_writes_every_table_twice(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "out"
    assert analyse(shop, out) == 0
    assert {path.name for path in out.iterdir()} == FILES
    assert list(out.parent.iterdir()) == [out]

    found = cv.analyse(cv.read(shop), order_id="order_id", kind="kind")
    table = cv.read(out / "customers.parquet")
    assert table.num_rows == len(found.customers) == 200
    assert table.column_names == found.customers.columns
    assert table["customer_id"].to_pylist() == found.customers["customer_id"].tolist()
    assert np.array_equal(
        table["lifetime_value"].to_numpy(), np.asarray(found.customers["lifetime_value"]), equal_nan=True
    )
    text = cv.read(out / "customers.csv")
    assert text.column_names == table.column_names
    assert text["net_amount"].to_pylist() == table["net_amount"].to_pylist()
    assert text["state"].to_pylist() == table["state"].to_pylist()

    facts = json.loads((out / "clavis.json").read_text())
    assert facts["customers"] == 200
    assert set(facts["files"]) == FILES - {"clavis.json"}
    assert json.loads((out / "quality.json").read_text())["rows_read"] == cv.read(shop).num_rows
    assert json.loads((out / "models.json").read_text())["fits"]["purchases"]["parameters"].keys() >= {"r", "alpha"}

    printed = capsys.readouterr()
    assert printed.err == ""
    for words in ("200 customers", "0 refused", "ACTIVE", "champions", "at risk", "MBG/NBD", "customers.csv", "Next"):
        assert words in printed.out
    assert "\x1b" not in printed.out  # no colours in a pipe
    assert all(line == line.rstrip() for line in printed.out.splitlines())


def test_the_same_run_writes_the_same_bytes(shop: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert analyse(shop, one, "--threads", "1") == 0
    assert analyse(shop, two, "--threads", "2") == 0
    assert contents(one) == contents(two)


def test_json_for_machines(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyse(shop, tmp_path / "out", "--json") == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert facts["customers"] == sum(facts["states"].values()) == sum(facts["segments"].values()) == 200
    assert facts["quality"]["rows_refused"] == 0
    assert facts["metrics"]["customers"] == 200
    assert printed.err == ""


def test_online_retail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data_file("online_retail.csv.gz")
    columns = ["--customer", "CustomerID", "--time", "InvoiceDate", "--order", "InvoiceNo"]
    assert main(["analyse", str(path), *columns, "--amount", "Quantity * UnitPrice", "--out", str(tmp_path / "o")]) == 0
    printed = capsys.readouterr().out
    assert "541,909 rows read, 406,829 used, 0 refused" in printed
    assert "135,080 rows without customer" in printed
    assert "4,372 customers from 2010-12-01 to 2011-12-09" in printed
    assert "net amount 8,300,065.81: 41 customers negative, 14 at zero" in printed
    net = cv.read(tmp_path / "o" / "customers.parquet")["net_amount"].to_numpy()
    assert (len(net), np.count_nonzero(net < 0), np.count_nonzero(net == 0)) == (4372, 41, 14)


def test_cdnow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data_file("cdnow_master.csv")
    assert main(["analyse", str(path), "--time", "date", "--out", str(tmp_path / "out")]) == 0
    assert "69,659 rows read, 69,659 used, 0 refused" in capsys.readouterr().out
    table = cv.read(tmp_path / "out" / "customers.parquet")
    assert table.num_rows == 23_570
    assert table["customer_id"][0].as_py() == "00001"


def test_demo_knows_what_it_planted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "--customers", "300", "--out", str(out)]) == 0
    assert FILES | {"transactions.csv", "truth.parquet"} <= {path.name for path in out.iterdir()}
    printed = capsys.readouterr().out
    row = re.search(r"^ *stopped +(\d+) .*$", printed, re.MULTILINE)
    truth = cv.read(out / "truth.parquet")["change"].to_pylist()
    assert row is not None
    assert int(row[1]) == truth.count("stop") > 20
    # The command shown at the end gives the same from the file.
    command = re.search(r"clavis (analyse .*)", printed)
    assert command is not None
    assert main(command[1].split()) == 0
    assert contents(out / "again")["customers.csv"] == contents(out)["customers.csv"]


def test_as_of_hides_what_came_later(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = cv.read(shop)
    days = rows["time"].to_numpy().astype("datetime64[D]")
    kept = np.count_nonzero(days <= np.datetime64("2024-03-31"))
    assert analyse(shop, tmp_path / "out", "--as-of", "2024-03-31") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert f"{rows.num_rows:,} rows read, {kept:,} used, 0 refused" in printed.out
    assert f"{rows.num_rows - kept:,} rows after the last day that counts, left out" in printed.out
    assert "as of 2024-03-31" in printed.out


def test_as_of_before_everything(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyse(shop, tmp_path / "out", "--as-of", "2001-01-01") == 1
    assert "transactions" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_days_are_those_of_the_zone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(
        "customer_id,time,amount\n1,2024-01-01 10:00:00,5\n1,2024-01-31 23:30:00,5\n2,2024-01-02 10:00:00,5\n"
    )
    assert main(["validate", str(path), "--as-of", "2024-01-31"]) == 0
    assert main(["validate", str(path), "--as-of", "2024-01-31", "--time-zone", "Europe/Berlin"]) == 0
    printed = capsys.readouterr()
    assert "3 rows read, 3 used" in printed.out
    assert "3 rows read, 2 used" in printed.out
    assert printed.out.count("1 row after the last day that counts, left out") == 1


def test_records_without_amounts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("customer_id,time\n1,2024-01-01\n1,2024-02-01\n2,2024-01-05\n2,2024-03-01\n3,2024-03-01\n")
    assert main(["analyse", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "Most value at risk" not in capsys.readouterr().out
    header = (tmp_path / "out" / "customers.csv").read_text().splitlines()[0]
    assert "lifetime_value" not in header


def test_tiers_of_a_programme(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "tiers.json"
    program.write_text(
        '{"name": "bonus", "metric": "spend", "window": {"rolling_days": 365}, '
        '"tiers": [{"name": "Base"}, {"name": "Top", "threshold": 100}]}'
    )
    assert analyse(shop, tmp_path / "out", "--tiers", str(program)) == 0
    assert 'Tiers of the programme "bonus"' in capsys.readouterr().out
    assert set(cv.read(tmp_path / "out" / "customers.parquet")["tier"].to_pylist()) == {"Base", "Top"}
    program.write_text('{"name": "bonus"')
    assert analyse(shop, tmp_path / "out", "--tiers", str(program)) == 1
    assert analyse(shop, tmp_path / "out", "--tiers", str(tmp_path / "missing.json")) == 1


def test_summarize(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", str(shop), "--kind", "kind"]) == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(printed.out.splitlines()))
    expected = cv.summarize(cv.read(shop), customer="customer_id", time="time", amount="amount", kind="kind")
    assert [float(row["T"]) for row in rows] == expected["T"].tolist()
    assert "200 customers" in printed.err
    target = tmp_path / "new" / "summary.parquet"
    assert main(["summarize", str(shop), "--kind", "kind", "--out", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["customers"] == 200
    assert cv.read(target)["frequency"].to_pylist() == expected["frequency"].tolist()
    assert [path.name for path in target.parent.iterdir()] == ["summary.parquet"]
    assert main(["summarize", str(shop), "--out", "summary.xlsx"]) == 1
    assert "must end in .csv or .parquet" in capsys.readouterr().err


def test_the_guide_explains_every_column(shop: Path) -> None:
    guide = (GUIDE / "analysis.md").read_text(encoding="utf-8")
    found = cv.analyse(cv.read(shop), order_id="order_id", kind="kind")
    for name in ("customers", "segments", "alerts", "metrics"):
        section = re.search(rf"^## {name}\b.*?(?=^## |\Z)", guide, re.MULTILINE | re.DOTALL)
        assert section is not None, name
        explained = re.findall(r"^\| `(\w+)`", section[0], re.MULTILINE)
        table = getattr(found, name)
        wanted = table["metric"].tolist() if name == "metrics" else table.columns
        assert explained == wanted, name


def test_the_guide_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    guide = (GUIDE / "command_line.md").read_text(encoding="utf-8")
    offered = set()
    for command in ("analyse", "demo", "summarize", "validate"):
        assert main([command, "--help"]) == 0
        offered |= set(re.findall(r"^  +(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert len(offered) > 20
    # What demo alone has needs no more words than its own help.
    assert offered - set(re.findall(r"--[a-z-]+", guide)) == {"--customers", "--seed"}
    assert set(re.findall(r"^\| `(--[a-z-]+)", guide, re.MULTILINE)) <= offered


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    sales = cv.simulate_shop(customers=150, seed=4).transactions
    _write.write_table(sales, tmp_path / "orders.parquet")
    names = {"customer_id": "CustomerID", "time": "InvoiceDate", "amount": "Amount"}
    _write.write_table(cv.Table({label: sales[name] for name, label in names.items()}), tmp_path / "orders.csv")
    (tmp_path / "log").mkdir()
    years = sales["time"].astype("datetime64[Y]")
    for year in ("2023", "2024"):
        _write.write_table(sales.take(years == np.datetime64(year)), tmp_path / "log" / f"{year}.parquet")
    for document in sorted(GUIDE.glob("*.md")):
        if document.name in ("lifetime.md", "defection.md"):
            continue  # whose examples go on from one another: test_guide_lifetime.py and test_guide_defection.py
        for example in re.findall(
            r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            exec(compile(example, str(document), "exec"), {"cv": cv})


# Bad input --------------------------------------------------------------------------------------------------------

BAD = """customer_id,time,qty,price,amount
1,2024-01-01,2,1.5,3
1,2024-01-08,2,1.5,abc
2,2024-01-09,2,x,4
3,2024-02-30,1,2,5
4,2024-03-01,1,2,
5,2024-03-02,,2,6
"""


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.csv"
    path.write_text(BAD)
    return path


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--amount", "amount"], 'transactions, column "amount", row 1: "abc" is not a number'),
        (["--amount", "qty * price"], 'transactions, column "qty * price", row 2: "x" is not a number'),
        (["--amount", "qty * prize"], 'the expression "qty * prize": Referenced column "prize" not found'),
        (["--amount", "qty *"], 'the expression "qty *" cannot be read'),
        (["--amount", "qty; price"], "cannot be read"),
        (["--amount", "1 AS a, 2"], "must be a single value of a row"),
        (["--customer", "customer"], '--customer: there is no column "customer" (did you mean "customer_id"?)'),
        (["--time", "price"], 'column "price"'),
        (["--order", "receipt"], '--order: there is no column "receipt"; the columns are customer_id, time, qty'),
        (["--as-of", "yesterday"], "yesterday"),
        (["--unit", "parsec"], "parsec"),
        (["--time-zone", "Europe/Atlantis"], "Europe/Atlantis"),
        (["--horizon", "-1 year", "--on-bad-rows", "refuse"], "-1 year"),
        (["--database", "missing.duckdb"], "missing.duckdb: there is no such file"),
        (["--encoding", "klingon"], 'no encoding "klingon"'),
    ],
)
def test_bad_input_is_one_sentence(
    bad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert main(["analyse", str(bad), "--out", str(tmp_path / "out"), *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("clavis: ")
    assert printed.err.count("\n") == 1
    assert complaint in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_validate_lists_every_reason(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(bad), "--amount", "qty * price"]) == 1
    printed = capsys.readouterr().out
    assert "6 rows read, 3 used, 3 refused" in printed
    assert '1 refused: "qty * price" is not a number (row 2 "x")' in printed
    assert '1 refused: "time" is a date that does not exist (row 3 "2024-02-30")' in printed
    assert main(["validate", str(bad), "--json"]) == 1
    quality = json.loads(capsys.readouterr().out)["quality"]
    assert {entry["reason"]: entry["rows"] for entry in quality["refused"]} == {
        "is missing": [4],
        "is not a number": [1],
        "is a date that does not exist": [3],
    }


def test_refusing_goes_on(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoiled = tmp_path / "spoiled.csv"
    lines = shop.read_text().splitlines()
    customer = lines[5].split(",")[0]
    lines.insert(6, lines[5].replace(lines[5].split(",")[1], '"2024-13-01 10:00:00"', 1))
    spoiled.write_text("\n".join(lines) + "\n")
    assert analyse(spoiled, tmp_path / "out") == 1
    assert 'row 5: "2024-13-01 10:00:00" is a date that does not exist' in capsys.readouterr().err
    assert customer
    assert analyse(spoiled, tmp_path / "out", "--on-bad-rows", "refuse") == 0
    assert '1 refused: "time" is a date that does not exist (row 5 "2024-13-01 10:00:00")' in capsys.readouterr().out


def test_dates_that_read_two_ways_stop_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("customer_id,time,amount\n1,5/6/2024,3\n1,3/4/2024,3\n2,1/2/2024,4\n")
    assert main(["validate", str(path)]) == 1
    assert 'give --date-format "%d/%m/%Y" or "%m/%d/%Y"' in capsys.readouterr().err
    assert main(["validate", str(path), "--date-format", "%d/%m/%Y"]) == 0


def test_errors_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(tmp_path / "missing.csv"), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["exit_code"] == 1
    assert "missing.csv: there is no such file" in answer["error"]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["analyse", "x.csv"], "--out"),
        (["analyse"], "SOURCE"),
        (["analyze"], "analyze"),
        (["validate", "x.csv", "--nonsense"], "--nonsense"),
        (["analyse", "x.csv", "--out", "o", "--annual-rate", "much"], "--annual-rate"),
        (["validate", "x.csv", "y.csv"], "y.csv"),
        (["summarize", "x.csv", "--on-bad-rows", "maybe"], "must be raise or refuse, not maybe"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("clavis: ")
    assert complaint in printed
    assert "Traceback" not in printed


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"clavis {cv.__version__}\n"
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("analyse", "demo", "summarize", "validate"))
    assert main(["analyse", "--help"]) == 0
    assert "--on-bad-rows" in capsys.readouterr().out


# Whole or not there -------------------------------------------------------------------------------------------------

# Runs the command line with a function of the package replaced so that the process ends at a chosen point.
ENDING = """
import os, signal, sys
from clavis import _commands, _write
from clavis.cli import main

where, number, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored

def ending(function):
    def inner(*arguments, **options):
        name = str(arguments[-1])
        result = function(*arguments, **options)
        if where in name:
            os.kill(os.getpid(), number)
        return result
    return inner

def stage(self, name, done):
    if where == "stage" and name not in ("reading", "simulating"):
        os.kill(os.getpid(), number)
    return True

_write._write_arrow = ending(_write._write_arrow)
_write._flush = ending(_write._flush)
_write.os.replace = ending(os.replace)
_commands.Stages.__call__ = stage
sys.exit(main(arguments))
"""


def ended(where: str, number: signal.Signals, shop: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = ["analyse", str(shop), "--order", "order_id", "--kind", "kind", "--out", str(out), *more]
    return subprocess.run(
        [sys.executable, "-c", ENDING, where, str(int(number)), *command], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("where", ["customers.csv", "models.json", "partial-"])
def test_a_killed_first_run_leaves_nothing(shop: Path, tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    assert ended(where, signal.SIGKILL, shop, out).returncode == -signal.SIGKILL
    assert not out.exists()
    assert list(tmp_path.glob(".out.partial-*"))  # beside, hidden, and swept by the next run
    assert analyse(shop, out) == 0
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("where", ["customers.csv", "summary.md"])
def test_a_killed_second_run_leaves_the_first(shop: Path, tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    assert analyse(shop, out) == 0
    before = contents(out)
    assert ended(where, signal.SIGKILL, shop, out, "--margin", "0.5").returncode == -signal.SIGKILL
    assert contents(out) == before


def test_a_run_killed_while_renaming_is_known_by_its_missing_manifest(shop: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    assert analyse(shop, out) == 0
    assert analyse(shop, other, "--margin", "0.5") == 0
    old, new = contents(out), contents(other)
    assert old["customers.csv"] != new["customers.csv"]
    assert ended("out/segments.csv", signal.SIGKILL, shop, out, "--margin", "0.5").returncode == -signal.SIGKILL
    left = contents(out)
    assert set(left) == FILES - {"clavis.json"}
    assert left["customers.csv"] == new["customers.csv"]
    assert left["alerts.csv"] == old["alerts.csv"]
    assert all(left[name] in (old[name], new[name]) for name in left)


def test_a_second_run_keeps_what_is_not_its_own(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert analyse(shop, out) == 0
    (out / "mine.txt").write_text("mine")
    (out / "deeper").mkdir()
    manifest = json.loads((out / "clavis.json").read_text())
    manifest["files"] |= {"old.csv": "of an earlier version", "../sales.csv": "not a plain name", "/etc/passwd": ""}
    (out / "clavis.json").write_text(json.dumps(manifest))
    (out / "old.csv").write_text("old")
    (tmp_path / "sales.csv").write_text("mine too")
    assert analyse(shop, out) == 0
    assert {path.name for path in out.iterdir()} == FILES | {"mine.txt", "deeper"}
    assert (tmp_path / "sales.csv").read_text() == "mine too"


@pytest.mark.parametrize("number, code, words", [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended")])
def test_an_interrupted_run_tidies_up(
    shop: Path, tmp_path: Path, number: signal.Signals, code: int, words: str
) -> None:
    done = ended("stage", number, shop, tmp_path / "out")
    assert (done.returncode, done.stdout, done.stderr.lstrip()) == (code, "", f"clavis: {words}\n")
    assert not list(tmp_path.iterdir())


def test_unwritable_places(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert analyse(shop, tmp_path / "file") == 1
    assert "exists and is not a folder" in capsys.readouterr().err
    assert analyse(shop, tmp_path / "file" / "out") == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, first", [("summarize", '"customer_id"'), ("analyse --out {out}", "sales.csv: 200 customers")]
)
def test_a_closed_pipe_is_no_failure(shop: Path, tmp_path: Path, words: str, first: str) -> None:
    command = f"{sys.executable} -m clavis {words.format(out=tmp_path / 'out')} {shop} --kind kind"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 1"], capture_output=True, text=True, check=False
    )
    assert done.stderr == "" or words == "summarize"
    assert done.returncode == 0
    assert done.stdout.startswith(first)
    assert "Traceback" not in done.stderr


# Guards -------------------------------------------------------------------------------------------------------------


def test_a_hostile_file_name_is_only_a_name(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = tmp_path / "it's [bold]; --.csv"
    hostile.write_bytes(shop.read_bytes())
    assert analyse(hostile, tmp_path / "o[u]t") == 0
    assert "it's [bold]; --.csv: 200 customers" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "o[u]t").iterdir()} == FILES


# Packages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing, code, sentence",
    [
        ("typer", 2, "clavis: the command line needs the package typer: pip install 'clavis[cli]'\n"),
        ("rich", 2, "clavis: the command line needs the package rich: pip install 'clavis[cli]'\n"),
        ("duckdb", 2, "clavis: reading files needs the package duckdb: pip install 'clavis[io]'\n"),
    ],
)
def test_a_missing_package_is_named(missing: str, code: int, sentence: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom clavis.cli import main\nsys.exit(main(['validate', 'x']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", sentence)


def test_as_a_module(tmp_path: Path) -> None:
    done = run("validate", "missing.csv", folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "clavis: missing.csv: there is no such file\n")
