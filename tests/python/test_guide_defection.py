"""The guide to customers who leave runs from top to bottom, and what it says holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "defection.md"


def test_the_guide_runs_and_its_claims_hold() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL))
    told: dict[str, Any] = {}
    exec(compile(code, str(GUIDE), "exec"), told)  # the project's own words
    sure, alerts, why, shop = (told[name] for name in ("sure", "alerts", "why", "shop"))
    assert 0 < len(sure) < len(alerts)
    np.testing.assert_allclose(told["effects"], why["change"], atol=1e-6)
    truth = dict(zip(shop.truth["customer_id"].tolist(), shop.truth["rate_ratio"].tolist(), strict=True))
    wrong = np.mean([truth[customer] >= 1 for customer in sure["customer_id"].tolist()])
    assert wrong <= 0.2
    assert "95 %" in " ".join(text.get_text() for text in told["ax"].texts)
    assert {"spend", "category"} <= set(told["other"]["evidence"])
    assert told["warning"].factors_["complaint"] > 1
    assert len(told["look"]) == 5
    compared = told["compared"]
    assert compared["drops_52"][1] > compared["drops_52"][0] + 0.15


def test_the_part_on_cdnow_runs_and_says_what_is_there(data: Callable[[str], Path]) -> None:
    path = data("cdnow_master.csv")
    text = GUIDE.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```py\n(.*?)```", text, flags=re.DOTALL)).replace("cdnow_master.csv", str(path))
    told: dict[str, Any] = {}
    exec(compile("import clavis as cv\n" + code, str(GUIDE), "exec"), told)  # the project's own words
    found, music = told["found"], told["music"]
    assert f"{len(music):,} customers" in text
    assert f"with spend it is {len(found)}" in text
    assert f"of which {(found['evidence'] == 'spend').sum()} tell" in text
    assert f"{(music.states()['state'] == 'NEW').sum():,} have no repeat visit" in text
    assert "70.58 were spent a visit until about\n1997-10-05, 27.54 since" in text
    assert any("70.58 were spent a visit until about 1997-10-05, 27.54 since" in one for one in found["sentence"])
    assert 0 < music.long_silence_excess_ < 0.25
