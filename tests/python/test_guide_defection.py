"""The guide to customers who leave runs from top to bottom, and what it says holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

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
    compared = told["compared"]
    assert compared["drops_52"][1] > compared["drops_52"][0] + 0.15
