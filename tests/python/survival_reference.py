"""What R's package survival says of the rows in tests/reference (made by make_survival.R)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).resolve().parents[1] / "reference"
Array = npt.NDArray[Any]


def rows() -> dict[str, Array]:
    with open(FOLDER / "survival_rows.csv", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    columns = {name: np.array([float(row[name]) for row in table]) for name in table[0]}
    whole = ("y", "stratum", "cluster", "group", "start", "stop", "event", "cause", "id")
    return {name: column.astype(np.int64) if name in whole else column for name, column in columns.items()}


def values() -> dict[str, Array]:
    lines = (FOLDER / "survival.csv").read_text(encoding="utf-8").splitlines()[1:]
    parts = [line.split(",") for line in lines]
    return {name: np.array([float(text) for text in numbers]) for name, *numbers in parts}
