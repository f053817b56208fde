"""The guide to lifetime value runs from top to bottom, and the table of other packages' names leads to ours."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clavis as cv

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def blocks(name: str) -> list[str]:
    text = (GUIDE / name).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    names: dict[str, Any] = {}
    for block in blocks("lifetime.md"):
        exec(compile(block, "lifetime.md", "exec"), names)
    matplotlib.pyplot.close("all")
    assert capsys.readouterr().out.strip()
    # What its words say of this shop.
    assert len(names["best"]) == 20
    assert names["best"]["value"].min() > np.nanmean(names["worth"]["value"])
    choice = names["choice"]
    assert (choice["bias"] > 0).all()
    assert choice["model"][-1] == "NBD"
    assert 0 <= names["silent"].min() and names["silent"].max() <= 1


def exists(name: str) -> bool:
    found: Any = cv
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def test_names_lead_somewhere() -> None:
    owners = {
        "s": cv.Summary([1], [1.0], [2.0], [3.0]),
        "m": cv.ParetoNBD(r=1, alpha=2, s=3, beta=4),
        "g": cv.GammaGamma,
    }
    for page in ("coming_from.md", "lifetime.md"):
        text = (GUIDE / page).read_text(encoding="utf-8")
        named = set(re.findall(r"\bcv\.[A-Za-z_.]+[A-Za-z_]", text))
        assert len(named) > 10
        assert [name for name in sorted(named) if not exists(name)] == []
    holdout = {"frequency_holdout", "duration_holdout", "orders", "days"}  # columns that this summary does not have
    text = (GUIDE / "coming_from.md").read_text(encoding="utf-8")
    for owner, attribute in set(re.findall(r"`([smg])\.([a-zA-Z_]+)", text)) - {("s", name) for name in holdout}:
        if attribute == "report_":
            assert isinstance(type(owners["m"]).report_, property)
        else:
            assert hasattr(owners[owner], attribute), (owner, attribute)
    keywords = {"customer", "time", "amount", "observe_until", "calibrate_until", "unit", "collapse", "include_first"}
    assert keywords <= set(inspect.signature(cv.summarize).parameters)
