"""What a fresh install does with NumPy and nothing else: real work, and sentences about what is missing."""

import importlib.metadata
import importlib.util

import numpy as np

import clavis as cv

for absent in ("pandas", "pyarrow", "polars", "duckdb", "matplotlib", "typer"):
    assert importlib.util.find_spec(absent) is None, f"{absent} is here: the environment is not empty"
assert importlib.metadata.version("clavis") == cv.__version__

transactions = {
    "customer_id": np.array([7, 9, 7, 7, 9]),
    "time": np.array(["2024-01-01", "2024-01-01", "2024-01-08", "2024-01-22", "2024-01-03"], dtype="datetime64[D]"),
    "amount": np.array([10.0, 5.0, 20.0, 30.0, 7.0]),
}
s = cv.summarize(transactions, customer="customer_id", time="time", amount="amount")
assert s.customer_id.tolist() == [7, 9]
assert s.frequency.tolist() == [2, 1]
assert s.recency.tolist() == [3.0, 2 / 7]
assert s["T"].tolist() == [3.0, 3.0]
assert s.monetary_value.tolist() == [25.0, 7.0]

for convert, package in ((s.to_pandas, "pandas"), (s.to_polars, "polars")):
    try:
        convert()
    except ImportError as missing:
        sentence = str(missing)
    else:
        raise AssertionError(f"{package} is not installed, and nothing said so")
    assert package in sentence, sentence
    assert "pip install" in sentence, sentence
print(f"clavis {cv.__version__} with NumPy {np.__version__} alone: {len(s)} customers")
