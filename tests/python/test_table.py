"""Results as tables: columns, conversions, the Arrow stream, what is shown."""

from __future__ import annotations

import numpy as np
import pytest

import clavis as cv


@pytest.fixture
def table() -> cv.Table:
    return cv.Table(
        {
            "customer_id": np.array(["a", None, "ü"], dtype=object),
            "count": np.array([1, 2, 3], dtype=np.int32),
            "value": np.array([0.5, np.nan, 2.0]),
            "day": np.array(["2024-01-01", "NaT", "2024-03-01"], dtype="datetime64[D]"),
            "time": np.array(["2024-01-01T10:00", "NaT", "2024-03-01"], dtype="datetime64[us]"),
        }
    )


def test_columns(table: cv.Table) -> None:
    assert len(table) == 3
    assert table.columns == ["customer_id", "count", "value", "day", "time"]
    assert list(table) == table.columns
    assert "count" in table
    assert table["count"].dtype == np.int32
    with pytest.raises(KeyError, match="the columns are customer_id, count"):
        table["nothing"]
    with pytest.raises(ValueError, match="equal length"):
        cv.Table({"a": [1, 2], "b": [1]})


def test_rows(table: cv.Table) -> None:
    assert table.head(2)["count"].tolist() == [1, 2]
    assert table.take(table["count"] > 1)["customer_id"].tolist() == [None, "ü"]


def test_other_libraries_read_it(table: cv.Table) -> None:
    pa = pytest.importorskip("pyarrow")
    pl = pytest.importorskip("polars")
    arrow = table.to_arrow()
    assert arrow.schema.field("day").type == pa.date32()
    assert arrow.schema.field("time").type.unit == "us"
    assert arrow["customer_id"].to_pylist() == ["a", None, "ü"]
    assert arrow["day"].null_count == 1
    assert arrow["count"].to_pylist() == [1, 2, 3]
    polars = table.to_polars()
    assert polars["customer_id"].to_list() == ["a", None, "ü"]
    assert pl.DataFrame(table).shape == (3, 5)
    frame = table.to_pandas()
    assert frame["count"].tolist() == [1, 2, 3]
    assert frame["day"].isna().tolist() == [False, True, False]


def test_export_outlives_the_table() -> None:
    pa = pytest.importorskip("pyarrow")
    arrow = pa.table(cv.Table({"x": np.arange(1000), "t": np.array([str(i) for i in range(1000)], dtype=object)}))
    assert arrow["x"].to_pylist() == list(range(1000))
    assert arrow["t"].to_pylist() == [str(i) for i in range(1000)]


def test_what_is_shown(table: cv.Table) -> None:
    text = repr(table)
    assert text.splitlines()[0] == "Table: 3 rows"
    assert "2024-03-01" in text
    assert "NaT" not in text and "nan" not in text and "None" not in text
    page = cv.Table({"<b>": np.array(["<script>"], dtype=object)})._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page
    long = repr(cv.Table({"x": np.arange(1000)}))
    assert "…" in long and len(long.splitlines()) < 20


def test_truth_values_leave_as_booleans() -> None:
    pa = pytest.importorskip("pyarrow")
    truth = [True, False, False, True, True, False, True, False, True]
    found = pa.table(cv.Table({"number": np.arange(9), "truth": np.array(truth)}))
    assert found.schema.field("truth").type == pa.bool_()
    assert found["truth"].to_pylist() == truth
