"""What is written of tables: cells that a spreadsheet, a JSON reader or a browser takes for what they are."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import clavis as cv

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from clavis import _text, _write


def test_formulas_do_not_reach_a_spreadsheet(tmp_path: Path) -> None:
    risky = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "=cmd|' /C calc'!A0"]
    harmless = ["a=1", "7", "Müller-Lüdenscheidt", "1-2", "", None, "a@b.c"]
    table = cv.Table(
        {"name": np.array([*risky, *harmless], dtype=object), "=amount": np.arange(16.0) - 8, "n": np.arange(16) - 8}
    )
    _write.write_table(table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["name", "'=amount", "n"]
    assert [row[0] for row in rows] == ["'" + text for text in risky] + [text or "" for text in harmless]
    assert [row[1:] for row in rows] == [[f"{i - 8}", f"{i - 8}"] for i in range(16)]  # numbers stay numbers
    _write.write_table(table, tmp_path / "t.parquet")
    assert cv.read(tmp_path / "t.parquet")["name"].to_pylist() == [*risky, *harmless]


def test_missing_values_are_empty_cells_and_nulls(tmp_path: Path) -> None:
    table = cv.Table({"x": [1.5, np.nan, np.inf], "d": np.array(["2024-02-29", "NaT", "NaT"], dtype="datetime64[D]")})
    _write.write_table(table, tmp_path / "t.parquet")
    assert cv.read(tmp_path / "t.parquet")["x"].to_pylist() == [1.5, None, np.inf]
    _write.write_table(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == '"x","d"\n1.5,2024-02-29\n,\ninf,\n'


def test_times_show_what_they_hold(tmp_path: Path) -> None:
    whole = np.array(["2024-02-29T10:00:05", "NaT"], dtype="datetime64[us]")
    exact = np.array(["2024-02-29T10:00:05.25", "2024-02-29T10:00:05"], dtype="datetime64[us]")
    _write.write_table(cv.Table({"whole": whole, "exact": exact}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines()[1:] == [
        "2024-02-29 10:00:05,2024-02-29 10:00:05.250000",
        ",2024-02-29 10:00:05.000000",
    ]


def test_json_has_no_nan() -> None:
    data = {"a": np.float64("nan"), "b": [np.int64(3), float("inf")], "c": np.array([1.5, np.nan]), "d": {1: None}}
    assert json.loads(_write.to_json(data)) == {"a": None, "b": [3, None], "c": [1.5, None], "d": {"1": None}}


def test_data_cannot_become_markup() -> None:
    grid = _text.Grid("<b>|", ["customer", "n"], [["<script>|`*_[x](y)\n#", "1"]])
    text = _text.markdown("a_b", [grid])
    assert "<script>" not in text
    assert r"&lt;script&gt;\|\`\*\_\[x\](y) \#" in text
