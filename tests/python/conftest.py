"""What the tests share: where the real data are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """data("cdnow_sample.csv"): the path of a real data file; skips where it is absent."""
    folder = Path(os.environ.get("CLAVIS_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"{name} is not at hand: set CLAVIS_DATA to the folder that holds it")
        return path

    return find
