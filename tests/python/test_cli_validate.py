"""`clavis validate` on the tables of a book."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("duckdb")

from clavis.cli import main


def test_validate_checks_every_table_of_a_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "transactions.csv").write_text("customer_id,time,amount\n1,2024-01-05,3\n2,2024-02-05,4\n")
    contacts = tmp_path / "calls.csv"
    contacts.write_text("customer_id,time,kind,sentiment\n1,2024-01-06,complaint,-0.5\n2,2024-01-07,praise,1.5\n")
    log = str(tmp_path / "transactions.csv")
    assert main(["validate", log]) == 0
    capsys.readouterr()
    assert main(["validate", log, "--table", f"contacts={contacts}"]) == 1
    printed = capsys.readouterr().out
    assert "contacts: 2 rows read, 1 used" in printed
    assert "1 refused: column \"sentiment\" is not in -1 to 1 (row 1 '1.5')" in printed
    # A folder is a book: every table in a file of its name.
    contacts.rename(tmp_path / "contacts.csv")
    assert main(["validate", str(tmp_path), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["customers"] == 2
    assert answer["quality"]["rows_used"] == 2
    assert answer["tables"]["contacts"]["refused"][0]["rows"] == [1]
    (tmp_path / "contacts.csv").write_text("customer_id,time,kind\n1,2024-01-06,complaint\n")
    assert main(["validate", str(tmp_path)]) == 0
    assert "50.0% of the customers in the transactions have a row" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        (["calls=x.csv"], 'there is no table "calls"; its name must be one of customers, contacts'),
        (["contacts"], "'contacts' is not NAME=SOURCE"),
        (["contacts=missing.csv"], "missing.csv"),
    ],
)
def test_tables_that_validate_cannot_read(
    tables: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("customer_id,time,amount\n1,2024-01-05,3\n")
    options = [part for table in tables for part in ("--table", table)]
    assert main(["validate", str(path), *options]) == 1
    assert complaint in capsys.readouterr().err
    assert main(["validate", str(tmp_path)]) == 1
    assert "this folder has no transactions.parquet or" in capsys.readouterr().err
