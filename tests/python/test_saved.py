"""Models saved to files and read back, and files of strangers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clavis as cv

GIVEN = [
    cv.BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week"),
    cv.ModifiedBetaGeoNBD(r=0.5, alpha=6.0, a=0.9, b=1.6),
    cv.BetaGeoCNBD(k=3, r=0.85, alpha=1.45, a=0.79, b=2.42, unit="3 days"),
    cv.ModifiedBetaGeoCNBD(k=2, r=0.85, alpha=1.45, a=0.79, b=2.42),
    cv.ParetoNBD(r=0.1 + 0.2, alpha=1e-300, s=5e300, beta=1 / 3, unit="day"),
    cv.GammaGompertzNBD(r=0.55, alpha=10.6, b=0.05, s=0.6, beta=3.0, unit="week"),
    cv.NBD(r=0.5, alpha=3.0),
    cv.BetaGeoBetaBinomial(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783, unit="year"),
    cv.ShiftedBetaGeo(alpha=0.668, beta=3.806, unit="year"),
    cv.BetaDiscreteWeibull(gamma=0.26, delta=1.7, c=1.58, unit="year"),
    cv.GammaGamma(p=6.25, q=3.74, gamma=15.44),
]


def rows(n: int = 400) -> cv.Summary:
    g = np.random.default_rng(3)
    ages = g.integers(20, 60, n).astype(float)
    counts = np.minimum(g.poisson(g.gamma(1.0, 0.1, n) * ages), 15)
    last = np.where(counts > 0, np.ceil(ages * g.uniform(size=n)), 0.0)
    last = np.maximum(last, counts)
    return cv.Summary(
        counts,
        last,
        np.maximum(ages, last),
        monetary_value=np.where(counts > 0, g.gamma(5.0, 4.0, n), 0.0),
        log_gap_sum=counts * np.log(np.maximum(last, 1.0) / np.maximum(counts, 1)),
        unit="week",
    )


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float):
        return np.float64(one).tobytes() == np.float64(other).tobytes() or (one != one and other != other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other) and type(one) is type(other)


def expect_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    assert same(one.params_, other.params_)
    assert repr(one) == repr(other)
    assert (one._report is None) == (other._report is None)
    if one._report is not None:
        for field in dataclasses.fields(one.report_):
            assert same(getattr(one.report_, field.name), getattr(other.report_, field.name)), field.name


@pytest.mark.parametrize("model", GIVEN, ids=lambda m: type(m).__name__)
def test_what_is_saved_comes_back(model: Any, tmp_path: Path) -> None:
    """Given and fitted, with errors that are unknown; the same bits and the same predictions."""
    path = tmp_path / "model.json"
    model.save(path)
    expect_same(model, cv.load(str(path)))
    assert cv.load(path).get_params().keys() == model.get_params().keys()
    s = rows()
    table: Any = s
    if isinstance(model, (cv.ShiftedBetaGeo, cv.BetaDiscreteWeibull)):
        table = cv.contracts_from_survivors([1000, 631, 468, 382, 326, 289, 262, 241])
    fitted = type(model)().fit(table)
    fitted.save(path)
    assert path.stat().st_size < 10_000
    back = cv.load(path)
    expect_same(fitted, back)
    assert type(model).from_json(fitted.to_json()).params_ == fitted.params_
    if isinstance(model, cv.GammaGamma):
        assert np.array_equal(back.expected_spend(table), fitted.expected_spend(table))
    else:
        assert np.array_equal(back.expected_purchases(table, "2 years"), fitted.expected_purchases(table, "2 years"))
        assert np.array_equal(back.fit(table).log_likelihood(table), fitted.log_likelihood(table))


def test_what_is_not_known_stays_unknown(tmp_path: Path) -> None:
    silent = cv.Summary([0] * 5, [0.0] * 5, [10.0, 11.0, 12.0, 13.0, 14.0])
    m = cv.BetaGeoNBD().fit(silent)
    assert np.isnan(list(m.report_.standard_errors.values())).any()
    m.save(tmp_path / "m.json")
    expect_same(m, cv.load(tmp_path / "m.json"))
    with pytest.raises(AttributeError, match="no parameters yet"):
        cv.BetaGeoNBD().save(tmp_path / "n.json")
    assert not (tmp_path / "n.json").exists()


def test_what_was_held_fixed_stays_so() -> None:
    m = cv.BetaGeoNBD(a=0.8, b=2.5).fit(rows())
    back = cv.BetaGeoNBD.from_json(m.to_json())
    assert {name: back.get_params()[name] for name in ("r", "alpha", "a", "b")} == {
        "r": None,
        "alpha": None,
        "a": 0.8,
        "b": 2.5,
    }
    assert back.fit(rows()).params_ == m.params_
    nameless = cv.ParetoNBD(s=0.5, beta=9.0).fit(rows().to_dict())
    back = cv.ParetoNBD.from_json(nameless.to_json())
    assert back.expected_purchases_new_customer(39) == nameless.expected_purchases_new_customer(39)


def test_files_of_strangers(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    good = json.loads(cv.NBD(r=0.5, alpha=3.0, unit="week").to_json())

    def refused(content: bytes | str | dict[str, Any], words: str) -> None:
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(ValueError, match=words):
            cv.load(path)

    path.write_text("\ufeff" + json.dumps(good, indent=2), encoding="utf-8")  # written again by hand
    assert cv.load(path).params_ == {"r": 0.5, "alpha": 3.0}
    refused(b"", "not JSON")
    refused(b"\xff\xfe\x00", "not UTF-8")
    refused(b"\x80\x04\x95", "not UTF-8")  # a pickle
    refused(b" " * 20_000, "larger than 10 KB")
    refused("[" * 5_000, "deeper than")
    refused({**good, "version": 2}, "version: 2 is not 1")
    refused({**good, "model": "Gizmo"}, '"Gizmo" is not a model')
    refused({**good, "parameters": {"r": 0.5, "alpha": 3.0, "s": 1.0}}, 'no parameter "s"')
    refused({**good, "parameters": {"r": 0.5}}, "alpha is missing")
    refused({**good, "parameters": {"r": 0.5, "alpha": -3.0}}, "not a positive number")
    refused({**good, "code": "import os"}, 'unknown key "code"')
    with pytest.raises(ValueError, match="it is a NBD, not a BetaGeoNBD"):
        cv.BetaGeoNBD.from_json(json.dumps(good))
    with pytest.raises(FileNotFoundError):
        cv.load(tmp_path / "absent.json")
