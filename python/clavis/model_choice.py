"""Which model of repeat purchases predicts best: each fitted on a calibration period, scored on what came after."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from clavis import _time
from clavis._estimator import Progress, PurchaseModel, Values
from clavis.discrete import BetaGeoBetaBinomial
from clavis.lifetime import (
    NBD,
    BetaGeoCNBD,
    BetaGeoNBD,
    GammaGompertzNBD,
    ModifiedBetaGeoCNBD,
    ModifiedBetaGeoNBD,
    ParetoGGG,
    ParetoNBD,
)
from clavis.summary import Summary, summarize
from clavis.table import Table

__all__ = ["Candidate", "ModelChoice", "choose_model"]

#: A class of models, a model whose given parameters are held fixed, or the name of a class.
Candidate: TypeAlias = "type[PurchaseModel] | PurchaseModel | str"

_CONTINUOUS: tuple[type[PurchaseModel], ...] = (
    BetaGeoNBD,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    BetaGeoCNBD,
    ModifiedBetaGeoCNBD,
    GammaGompertzNBD,
    NBD,
)
_BY_NAME = {model.__name__: model for model in (*_CONTINUOUS, ParetoGGG, BetaGeoBetaBinomial)}
_READ = ("frequency", "recency", "T", "log_gap_sum", "weights", "frequency_holdout", "duration_holdout")
#: Probabilities of counts held at a time.
_CELLS = 4_000_000
#: Log scores that lie no farther apart tell nothing: a nested model on its ridge, k = 1.
_TIE = 1e-3


class ModelChoice(Table):
    """What :func:`choose_model` returns: one row a candidate, the best first.

    Attributes
    ----------
    models : dict of str to model
        Every candidate that could be fitted, by its name in the column ``model``.
    summary : Summary
        The calibration period that all were fitted on, with the counts of the holdout.
    """

    models: dict[str, PurchaseModel]
    summary: Summary

    @property
    def best(self) -> PurchaseModel:
        """The fitted model of the first row. One that did not converge may be best all the same: on a ridge the
        parameters are not known, and what they foretell is."""
        if self.models:
            return self.models[str(self["model"][0])]
        raise ValueError("no candidate could be fitted; the column note says why")


def choose_model(
    transactions: Any,
    *,
    calibrate_until: _time.Date | None = None,
    candidates: Iterable[Candidate] | None = None,
    threads: int = 0,
    progress: Progress | None = None,
    **keywords: Any,
) -> ModelChoice:
    """Fit models on a calibration period, score them on the holdout after it, and rank them.

    The score is the logarithm of the probability that a model, knowing a customer's calibration period alone, gave to
    the number of purchases that the customer then made, summed over customers. It is a proper score: no model gains by
    saying other probabilities than it believes, and being right in the mean but wrong in the spread costs.

    Parameters
    ----------
    transactions
        Any table of transactions, or a :class:`Summary` made with ``calibrate_until``.
    calibrate_until
        The last day of the calibration period.
    candidates
        Classes, models with given parameters (held fixed), or names of classes. Default: every model of purchases in
        continuous time, and :class:`BetaGeoBetaBinomial` where ages are whole numbers of units.
    threads, progress
        As in :func:`summarize`.
    **keywords
        Those of :func:`summarize`: names of columns, ``unit``, ``collapse`` …

    Returns
    -------
    ModelChoice
        A table, the highest holdout log score first:

        - ``rank``: candidates within 0.001 of each other share one; of these the one with fewer parameters comes first;
        - ``model``;
        - ``holdout_log_score``, and ``behind``: how far below the best, with ``behind_error``, the standard error of
          that difference over customers;
        - ``mean_absolute_error``, ``root_mean_squared_error``: of expected against actual purchases of a customer;
        - ``holdout_purchases`` and ``expected_purchases``: in all; ``bias``: the second less the first;
        - ``log_likelihood``, ``fitted_parameters``, ``aic``, ``bic``: of the calibration period;
        - ``converged``;
        - ``note``: ties, what the fit warns of, and why a candidate could not be fitted.

    Raises
    ------
    ValueError
        If there is no holdout, no customer in it, or a candidate is no model of purchases.

    Examples
    --------
    >>> import clavis as cv
    >>> sales = cv.simulate_shop(customers=300, seed=1).transactions
    >>> found = choose_model(sales, calibrate_until="2023-12-31", candidates=["BetaGeoNBD", "ParetoNBD", "NBD"])
    >>> found["model"].tolist()
    ['ParetoNBD', 'BetaGeoNBD', 'NBD']
    >>> found["note"][2]  # nobody ever leaves: few customers, so chance may have put it last
    'not told apart from ParetoNBD: 7.2 behind, standard error 4.7'
    >>> type(found.best).__name__
    'ParetoNBD'
    """
    summary = _with_holdout(transactions, calibrate_until, threads, keywords)
    chosen = _models(candidates, summary)
    # Ids and amounts are of no use here, and text ids cost time wherever rows are picked.
    bare = summary._only([name for name in _READ if name in summary])
    scores: list[_Score] = []
    for position, (name, model) in enumerate(chosen.items()):
        watch = None if progress is None else _part_of(progress, name, position, len(chosen))
        scores.append(_score(name, model, bare, threads, watch))
    return _ranked(scores, summary)


def _with_holdout(
    transactions: Any, calibrate_until: _time.Date | None, threads: int, keywords: dict[str, Any]
) -> Summary:
    if isinstance(transactions, Summary):
        if calibrate_until is not None or keywords:
            given = ", ".join([*keywords, *(["calibrate_until"] if calibrate_until is not None else [])])
            raise ValueError(f"choose_model: a Summary is made already, so {given} cannot be applied to it")
        summary = transactions
        if "frequency_holdout" not in summary:
            raise ValueError("choose_model: the summary has no holdout: make it with calibrate_until=")
    else:
        if calibrate_until is None:
            raise ValueError("choose_model: calibrate_until is missing: the day on which the holdout begins to count")
        summary = summarize(transactions, calibrate_until=calibrate_until, threads=threads, **keywords)
    summary = summary.take(~np.isnan(summary["T"]))
    if len(summary) == 0:
        raise ValueError("choose_model: no customer bought in the calibration period")
    spans = summary["duration_holdout"]
    if not (spans > 0).all():
        raise ValueError("choose_model: the holdout has no length: calibrate_until is the last day of the records")
    if (spans != spans[0]).any():
        raise ValueError("choose_model: the holdout must be equally long for all customers")
    return summary


def _applies(summary: Summary) -> bool:
    """Whether BG/BB can be read out of these rows: opportunities are whole, and nobody used more than there were."""
    columns = (summary["T"], summary["recency"], summary["duration_holdout"])
    whole = all((values == np.floor(values)).all() for values in columns)
    return bool(whole and (summary["frequency"] <= summary["recency"]).all())


def _models(candidates: Iterable[Candidate] | None, summary: Summary) -> dict[str, PurchaseModel]:
    """Unfitted models by the names they go by in the table."""
    if candidates is None:
        candidates = [*_CONTINUOUS, *([BetaGeoBetaBinomial] if _applies(summary) else [])]
    elif isinstance(candidates, (str, PurchaseModel, type)):
        candidates = [candidates]
    models: dict[str, PurchaseModel] = {}
    for candidate in candidates:
        model: Any = _BY_NAME.get(candidate) if isinstance(candidate, str) else candidate
        if isinstance(model, type) and issubclass(model, PurchaseModel):
            model = model()
        elif isinstance(model, PurchaseModel):
            model = type(model)(**model.get_params())
        if type(model) not in _BY_NAME.values():
            raise ValueError(
                f"choose_model: {candidate!r} is no model of repeat purchases; there are {', '.join(_BY_NAME)}"
            )
        name = repr(model).removesuffix("()")
        models.setdefault(name, model)
    if not models:
        raise ValueError("choose_model: there are no candidates")
    return models


def _part_of(progress: Progress, name: str, position: int, count: int) -> Callable[[str, float], Any]:
    return lambda stage, done: progress(f"{name}: {stage}", (position + min(max(done, 0.0), 1.0)) / count)


class _Score:
    """A candidate with what it reached; without scores where it could not be fitted."""

    def __init__(self, name: str, model: PurchaseModel) -> None:
        self.name, self.model = name, model
        self.fitted = self.converged = False
        self.notes: list[str] = []
        self.log_scores: Values = np.empty(0)
        self.total = -math.inf
        self.absolute = self.squared = self.expected = self.log_likelihood = math.nan
        self.parameters = 0


def _score(name: str, model: PurchaseModel, summary: Summary, threads: int, progress: Progress | None) -> _Score:
    found = _Score(name, model)
    weights = summary["weights"] if "weights" in summary else np.ones(len(summary))
    free = [parameter for parameter in model._core_type.names if model.get_params()[parameter] is None]
    found.parameters = len(free)
    try:
        if free:
            model.fit(summary, threads=threads, progress=progress)
            found.converged = model.report_.converged
            found.notes = [*([] if found.converged else [model.report_.status]), *model.report_.warnings]
            if "k" in free:
                found.notes.insert(0, f"k = {model.params_['k']}")
        else:
            found.converged = True
            found.notes = ["all parameters were given: nothing was fitted"]
        span = float(summary["duration_holdout"][0])
        actual = summary["frequency_holdout"]
        horizon = _span_text(span, summary)
        expected = model.expected_purchases(summary, horizon, threads=threads)
        found.log_scores = _log_scores(model, summary, horizon, threads)
        found.log_likelihood = float(model.log_likelihood(summary, threads=threads) @ weights)
        if isinstance(model, BetaGeoBetaBinomial):
            found.notes.append("log_likelihood, aic and bic are of opportunities and compare with no other row")
    except (ValueError, ArithmeticError) as problem:
        found.converged = False
        found.notes = [f"not fitted: {problem}"]
        return found
    error = expected - actual
    found.fitted = True
    found.total = float(found.log_scores @ weights)
    found.expected = float(expected @ weights)
    found.absolute = float(np.average(np.abs(error), weights=weights))
    found.squared = float(np.average(error**2, weights=weights))
    return found


def _span_text(span: float, summary: Summary) -> np.timedelta64:
    """The holdout as a length of time, so that a model of any unit reads it alike."""
    return np.timedelta64(round(span * summary._unit), "us")


def _log_scores(model: PurchaseModel, summary: Summary, horizon: Any, threads: int) -> Values:
    """Of each row the logarithm of the probability of its count in the holdout."""
    actual = summary["frequency_holdout"].astype(np.int64)
    order = np.argsort(actual, kind="stable")
    result = np.empty(len(actual))
    start = 0
    while start < len(order):
        # As many rows as there is room for, of counts that are close.
        end = start + max(1, _CELLS // int(actual[order[start]] + 1))
        rows = order[start:end]
        rows = rows[: max(1, int(np.searchsorted(actual[rows], 2 * actual[rows[0]] + 4, side="right")))]
        while len(rows) > 1 and len(rows) * (int(actual[rows[-1]]) + 1) > _CELLS:
            rows = rows[: len(rows) // 2]
        pmf = model.purchase_pmf(summary.take(rows), horizon, int(actual[rows[-1]]), threads=threads)
        with np.errstate(divide="ignore"):
            result[rows] = np.log(pmf[np.arange(len(rows)), actual[rows]])
        start += len(rows)
    return result


def _ranked(scores: list[_Score], summary: Summary) -> ModelChoice:
    customers = float(summary["weights"].sum()) if "weights" in summary else float(len(summary))
    actual = summary["frequency_holdout"]
    purchases = float(actual @ summary["weights"]) if "weights" in summary else float(actual.sum())
    scores = sorted(scores, key=lambda one: (not one.fitted, -one.total))
    ranks = _settle_ties(scores)
    best = scores[0]
    behind = [best.total - one.total if one.fitted else math.nan for one in scores]
    errors = [_error_of_difference(best, one, summary) for one in scores]
    for one, gap, error in zip(scores, behind, errors, strict=True):
        if one.fitted and gap > _TIE and gap < 2 * error:
            one.notes.insert(0, f"not told apart from {best.name}: {gap:.1f} behind, standard error {error:.1f}")

    def aic(one: _Score) -> float:
        return 2 * one.parameters - 2 * one.log_likelihood

    def bic(one: _Score) -> float:
        return one.parameters * math.log(customers) - 2 * one.log_likelihood

    table = ModelChoice(
        {
            "rank": np.array(ranks, dtype=np.int32),
            "model": _texts([one.name for one in scores]),
            "holdout_log_score": np.array([one.total if one.fitted else math.nan for one in scores]),
            "behind": np.array(behind),
            "behind_error": np.array(errors),
            "mean_absolute_error": np.array([one.absolute for one in scores]),
            "root_mean_squared_error": np.sqrt([one.squared for one in scores]),
            "holdout_purchases": np.full(len(scores), purchases),
            "expected_purchases": np.array([one.expected for one in scores]),
            "bias": np.array([one.expected - purchases for one in scores]),
            "log_likelihood": np.array([one.log_likelihood for one in scores]),
            "fitted_parameters": np.array([one.parameters for one in scores], dtype=np.int32),
            "aic": np.array([aic(one) for one in scores]),
            "bic": np.array([bic(one) for one in scores]),
            "converged": np.array([one.converged for one in scores]),
            "note": _texts(["; ".join(one.notes) for one in scores]),
        }
    )
    table.models = {one.name: one.model for one in scores if one.fitted}
    table.summary = summary
    return table


def _settle_ties(scores: list[_Score]) -> list[int]:
    """The ranks; scores that tie are put in order of their parameters, and their notes say so."""
    ranks: list[int] = []
    start = 0
    while start < len(scores):
        end = start + 1
        while end < len(scores) and scores[end].fitted and scores[start].total - scores[end].total <= _TIE:
            end += 1
        if scores[start].fitted:
            tied = sorted(scores[start:end], key=lambda one: (not one.converged, one.parameters))
            scores[start:end] = tied
            for one in tied:
                others = [other.name for other in tied if other is not one]
                if others:
                    one.notes.insert(0, f"tied with {', '.join(others)}")
        else:
            end = len(scores)  # of those that could not be fitted none is better
        ranks += [start + 1] * (end - start)
        start = end
    return ranks


def _error_of_difference(best: _Score, one: _Score, summary: Summary) -> float:
    if not one.fitted or not math.isfinite(one.total):
        return math.nan
    difference: npt.NDArray[np.float64] = best.log_scores - one.log_scores
    weights = summary["weights"] if "weights" in summary else np.ones(len(difference))
    customers = float(weights.sum())
    if customers <= 1:
        return math.nan
    if float(np.abs(difference) @ weights) <= _TIE:
        return 0.0
    mean = float(difference @ weights) / customers
    variance = float((difference - mean) ** 2 @ weights) / (customers - 1)
    return math.sqrt(customers * variance)


def _texts(values: list[str]) -> npt.NDArray[np.object_]:
    return np.array(values, dtype=object)
