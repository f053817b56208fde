"""What every model has: the habits of scikit-learn, copies and pickles, and what is shown, pinned by golden files.

``CLAVIS_GOLDEN=write`` writes the golden files anew; what changed is then for the eye of whoever commits it.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clavis as cv

GOLDEN = Path(__file__).parent / "golden"

GIVEN: dict[type[Any], dict[str, Any]] = {
    cv.NBD: {"r": 0.385, "alpha": 12.07, "unit": "week"},
    cv.BetaGeoNBD: {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "unit": "week"},
    cv.ModifiedBetaGeoNBD: {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614, "unit": "day"},
    cv.BetaGeoCNBD: {"k": 3, "r": 0.85, "alpha": 1.45, "a": 0.79, "b": 2.42, "unit": "week"},
    cv.ModifiedBetaGeoCNBD: {"k": 2, "r": 0.85, "alpha": 1.45, "a": 0.79, "b": 2.42, "unit": "week"},
    cv.ParetoNBD: {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669, "unit": "week"},
    cv.ParetoGGG: {"t": 5.0, "gamma": 3.0, "r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669, "unit": "week"},
    cv.GammaGompertzNBD: {"r": 0.553, "alpha": 10.578, "b": 0.01, "s": 0.606, "beta": 0.12, "unit": "30 days"},
    cv.BetaGeoBetaBinomial: {"alpha": 1.204, "beta": 0.75, "gamma": 0.657, "delta": 2.783, "unit": "year"},
    cv.ShiftedBetaGeo: {"alpha": 0.668, "beta": 3.806, "unit": "year"},
    cv.BetaDiscreteWeibull: {"gamma": 0.214, "delta": 1.427, "c": 1.724, "unit": "year"},
    cv.GammaGamma: {"p": 6.25, "q": 3.744, "gamma": 15.44},
}
MODELS = pytest.mark.parametrize("model", GIVEN, ids=lambda model: model.__name__)


def report(names: list[str], *, converged: bool) -> cv.FitReport:
    """A report of round numbers, so that golden files do not hang on the last bit of a search."""
    errors = {name: 0.1 * (i + 1) for i, name in enumerate(names)}
    if not converged:
        errors[names[-1]], errors[names[0]] = float("nan"), 0.0
    return cv.FitReport(
        converged=converged,
        status="converged" if converged else "not converged: the likelihood keeps rising towards an endless parameter",
        standard_errors=errors,
        covariance=np.diag([error**2 for error in errors.values()]),
        log_likelihood=-9582.429207,
        gradient_norm=3e-9 if converged else 0.02,
        condition=85.0 if converged else 1e12,
        iterations=6,
        rows=2357,
        distinct_rows=1016,
        left_out=0 if converged else 12,
        customers=2357.0,
        warnings=() if converged else ("a + b grows without bound: <the dropout is not identified>", "12 left out"),
    )


def told(model: type[Any], *, converged: bool) -> Any:
    """A model as a fit that ended so would leave it."""
    made = model(**GIVEN[model])
    names = [name for name in GIVEN[model] if name != "unit"]
    made._report = report(names, converged=converged)
    return made


def shown(model: type[Any]) -> dict[str, Any]:
    first = next(iter(GIVEN[model]))
    return {
        "unfitted": model(),
        "one parameter given": model(**{first: GIVEN[model][first]}),
        "all parameters given": model(**GIVEN[model]),
        "fitted": told(model, converged=True),
        "not converged": told(model, converged=False),
    }


def table() -> cv.Table:
    return cv.Table(
        {
            "customer_id": np.array(["a", None, "<ü>"], dtype=object),
            "count": np.array([1, -2, 300], dtype=np.int32),
            "value": np.array([0.5, np.nan, 2e9]),
            "day": np.array(["2024-01-01", "NaT", "2024-03-01"], dtype="datetime64[D]"),
            "time": np.array(["2024-01-01T10:00", "NaT", "2024-03-01"], dtype="datetime64[us]"),
            "alive": np.array([True, False, True]),
        }
    )


def summary(rows: int = 3) -> cv.Summary:
    at = np.arange(rows, dtype=float)
    return cv.Summary(np.arange(rows), at * 1.5, 20 + at, at * 10, [f"c{i:02d}" for i in range(rows)])


OTHERS: dict[str, Callable[[], dict[str, Any]]] = {
    "FitReport": lambda: {
        "converged": report(["r", "alpha"], converged=True),
        "not converged": report(["r", "alpha"], converged=False),
    },
    "Table": lambda: {
        "three rows": table(),
        "no columns": cv.Table({}),
        "no rows": table().head(0),
        "many rows": cv.Table({"x": np.arange(1000), "y": np.arange(1000) / 8}),
    },
    "Summary": lambda: {"three rows": summary(), "many rows": summary(40)},
}
SUBJECTS: dict[str, Callable[[], dict[str, Any]]] = {
    **{model.__name__: (lambda model=model: shown(model)) for model in GIVEN},
    **OTHERS,
}


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("form", ["txt", "html"])
def test_what_is_shown(subject: str, form: str) -> None:
    parts = []
    for case, thing in SUBJECTS[subject]().items():
        head = f"# {case}" if form == "txt" else f"<!-- {case} -->"
        parts.append(f"{head}\n{repr(thing) if form == 'txt' else thing._repr_html_()}\n")
    text = "\n".join(parts)
    path = GOLDEN / f"{subject}.{form}"
    if os.environ.get("CLAVIS_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_k_that_was_found_is_not_shown_as_held() -> None:
    made = cv.BetaGeoCNBD(**GIVEN[cv.BetaGeoCNBD])
    errors = {"k": 0.0, "r": 0.1, "alpha": 0.2, "a": 0.0, "b": 0.3}
    found = dataclasses.replace(
        report(list(errors), converged=True), standard_errors=errors, profile={2.0: -9.0, 3.0: -8.0}
    )
    made._report = found
    assert "<td>k</td><td>3</td><td>by profile likelihood</td>" in made._repr_html_()
    assert "<td>a</td><td>0.79</td><td>held fixed</td>" in made._repr_html_()


def test_no_golden_file_is_left_over() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == sorted(SUBJECTS)
    assert sorted(path.stem for path in GOLDEN.glob("*.html")) == sorted(SUBJECTS)


@MODELS
def test_constructor_and_params_are_one(model: type[Any]) -> None:
    names = list(inspect.signature(model).parameters)
    assert list(model().get_params()) == names
    assert list(GIVEN[model]) == names
    assert all(value is None for value in model().get_params().values())
    made = model(**GIVEN[model])
    assert made.get_params() == made.get_params(deep=False) == GIVEN[model]
    assert made.params_ == {name: value for name, value in GIVEN[model].items() if name != "unit"}
    changed = model().set_params(**GIVEN[model])
    assert changed.params_ == made.params_


@MODELS
def test_what_a_fit_leaves_ends_in_an_underscore(model: type[Any]) -> None:
    """Names without one are there before the fit; names with one are not."""
    unfitted = model()
    public = [name for name in dir(model) if not name.startswith("_")]
    fitted = [name for name in public if name.endswith("_")]
    assert {"params_", "report_"} <= set(fitted)
    for name in fitted:
        with pytest.raises(AttributeError):
            getattr(unfitted, name)
    assert all(callable(getattr(unfitted, name)) for name in set(public) - set(fitted))


@MODELS
def test_clone(model: type[Any]) -> None:
    base = pytest.importorskip("sklearn.base")
    partly = model(**dict(list(GIVEN[model].items())[:1]))
    partly._report = report(["x"], converged=True)
    again = base.clone(partly)
    assert type(again) is model
    assert again.get_params() == partly.get_params()
    with pytest.raises(AttributeError):
        _ = again.report_
    assert base.clone(model(**GIVEN[model])).params_ == model(**GIVEN[model]).params_


@MODELS
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "deep", "pickle"],
)
def test_copies_keep_what_was_fitted(model: type[Any], copied: Callable[[Any], Any]) -> None:
    original = told(model, converged=False)
    again = copied(original)
    assert again is not original
    assert again.params_ == original.params_
    assert again.get_params() == original.get_params()
    assert again.report_.warnings == original.report_.warnings
    assert repr(again) == repr(original)
    assert again.set_params(**{next(iter(GIVEN[model])): None})._core is None
    assert original._core is not None
    unfitted = copied(model())
    assert repr(unfitted) == repr(model())


def test_a_copy_predicts_the_same_bits() -> None:
    rng = np.random.default_rng(5)
    n = 400
    frequency = rng.poisson(rng.gamma(0.8, 3.0, n))
    T = np.full(n, 52.0)
    s = cv.Summary(frequency, np.where(frequency > 0, T * rng.uniform(size=n) ** 0.4, 0.0), T, unit="week")
    for model in (cv.ModifiedBetaGeoNBD(), cv.ParetoNBD(r=0.8), cv.NBD(unit="day")):
        model.fit(s)
        for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert again.report_.log_likelihood == model.report_.log_likelihood
            for horizon in (13, "91 days"):
                assert np.array_equal(again.expected_purchases(s, horizon), model.expected_purchases(s, horizon))
    nameless = cv.NBD().fit(s.to_dict())
    assert pickle.loads(pickle.dumps(nameless)).expected_purchases(s.to_dict(), 3)[0] >= 0


def test_tables_can_be_pickled() -> None:
    for original in (table(), summary()):
        again = pickle.loads(pickle.dumps(original))
        assert type(again) is type(original)
        assert repr(again) == repr(original)
    assert copy.deepcopy(summary()).unit == "week"
