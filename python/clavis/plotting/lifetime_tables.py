"""The numbers behind the pictures of lifetime models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clavis import _columns, _input, _time
from clavis._estimator import Horizon, PurchaseModel, Values
from clavis.discrete import BetaDiscreteWeibull, BetaGeoBetaBinomial, ShiftedBetaGeo
from clavis.lifetime import NBD, BetaGeoCNBD, BetaGeoNBD, GammaGompertzNBD, ModifiedBetaGeoNBD, ParetoNBD
from clavis.summary import Summarizer, Summary
from clavis.table import Table

__all__ = [
    "alive_table",
    "calibration_table",
    "frequency_table",
    "rate_density_table",
    "tracking_table",
    "value_table",
]

_DAY = 86_400_000_000
#: Ages at which expectations are computed; between them they are interpolated.
_AGES = 400


def tracking_table(
    model: PurchaseModel,
    transactions: Any,
    *,
    period: _time.Duration = "week",
    calibrate_until: _time.Date | None = None,
    threads: int = 0,
    **keywords: Any,
) -> Table:
    """Repeat purchases of each period and in all, actual and expected by the model.

    The expectation is that of new customers: on the day of its first purchase each customer becomes one. What is seen
    of a customer afterwards does not enter, so the curve tells whether the model holds in the whole.

    Parameters
    ----------
    model
        A fitted model of repeat purchases.
    transactions
        Any table of transactions. Everything within one local day is one purchase.
    period
        The length of a period in whole days: text or a timedelta.
    calibrate_until
        The last day of the calibration period: customers who came later are left out, and ``calibration`` tells the
        periods apart. Default: all customers, and the whole time.
    **keywords
        Those of :func:`summarize`: names of columns, ``observe_until``, ``time_zone`` …

    Returns
    -------
    Table
        ``period`` (1, 2, …), ``until`` (its last day), ``customers`` (so far), ``actual``, ``expected``,
        ``actual_cumulative``, ``expected_cumulative``, ``calibration`` (whether the period ends by
        ``calibrate_until``). A last period that is not complete is left out.
    """
    days = _time.microseconds(period, "period") / _DAY
    if days < 1 or not days.is_integer():
        raise ValueError(f"period: {period!r} is not a whole number of days")
    history = Summarizer(threads=threads, **keywords).update(transactions).history()
    bought = history.orders > 0
    day = history.day.astype(np.int64)[bought]
    owner = np.repeat(np.arange(len(history)), np.diff(history.offsets))[bought]
    last_seen = keywords.get("observe_until")
    if not len(day):
        raise ValueError("tracking_table: there are no purchases")
    end = int(history.day.astype(np.int64).max()) if last_seen is None else _time.day_number(last_seen, "observe_until")
    first = np.r_[True, owner[1:] != owner[:-1]]
    births = day[first]
    known = end if calibrate_until is None else _time.day_number(calibrate_until, "calibrate_until")
    kept = np.repeat(births, np.diff(np.r_[np.flatnonzero(first), len(day)])) <= known
    births, repeats = births[births <= known], day[~first & kept]
    if not len(births):
        raise ValueError(f"tracking_table: nobody bought until {_time.to_date(known)}")
    origin, step = int(births.min()), int(days)
    count = (end - origin + 1) // step
    if count < 1:
        raise ValueError(f"tracking_table: the records are shorter than one period of {period!r}")
    ends = origin + step * np.arange(1, count + 1)  # the day after each period
    newcomers = np.bincount(births - origin, minlength=end - origin + 1)
    curve = _expectation(model, len(newcomers))
    expected = np.array([newcomers[: stop - origin] @ curve[stop - origin : 0 : -1] for stop in ends])
    actual = np.searchsorted(np.sort(repeats), ends)
    return Table(
        {
            "period": np.arange(1, count + 1),
            "until": (ends - 1).astype("datetime64[D]"),
            "customers": np.searchsorted(np.sort(births), ends),
            "actual": np.diff(actual, prepend=0),
            "expected": np.diff(expected, prepend=0.0),
            "actual_cumulative": actual,
            "expected_cumulative": expected,
            "calibration": ends - 1 <= known,
        }
    )


def _expectation(model: PurchaseModel, days: int) -> Values:
    """Expected repeat purchases of a new customer within 0, 1, … days."""
    knots = np.unique(np.linspace(1, days, min(days, 4 * _AGES)).round().astype(np.int64))
    values = [model.expected_purchases_new_customer(np.timedelta64(int(knot), "D")) for knot in knots]
    result: Values = np.interp(np.arange(days + 1), np.r_[0, knots], np.r_[0.0, values])
    return result


def frequency_table(model: PurchaseModel, summary: Any, *, max_frequency: int = 7) -> Table:
    """How many customers bought again 0, 1, 2 … times, actual and expected by the model at their ages.

    Parameters
    ----------
    model
        A fitted model of repeat purchases.
    summary
        A :class:`Summary`, or any table with ``frequency``, ``recency`` and ``T``.
    max_frequency
        The last row holds this many purchases and more.

    Returns
    -------
    Table
        ``frequency``, ``actual``, ``expected``; customers, weighted where the summary has weights. Of more than 400
        distinct ages the expectation is interpolated between 400.
    """
    frequency, age, weights = _read(summary, "frequency", "T")
    shown = _whole(max_frequency, "max_frequency")
    ages = np.unique(age)
    if len(ages) > _AGES:
        ages = np.unique(np.quantile(ages, np.linspace(0, 1, _AGES)))
    model = in_unit_of(model, summary)
    unit = int(model._ready().unit)
    if isinstance(summary, Summary) and unit:
        unit = summary._unit
    pmf = np.array([_new_customer_pmf(model, value, unit, shown) for value in ages])
    expected = np.array([np.interp(age, ages, column) @ weights for column in pmf.T])
    actual = np.bincount(np.minimum(frequency, shown).astype(int), weights=weights, minlength=shown + 1)
    return Table(
        {
            "frequency": np.arange(shown + 1),
            "actual": actual,
            "expected": np.r_[expected[:-1], weights.sum() - expected[:-1].sum()],
        }
    )


def _new_customer_pmf(model: PurchaseModel, age: float, unit: int, shown: int) -> Values:
    if age == 0:
        return np.array([1.0, *[0.0] * shown])
    span: Horizon = np.timedelta64(max(round(age * unit), 1), "us") if unit else age
    return model.purchase_pmf_new_customer(span, shown)


def calibration_table(model: PurchaseModel, summary: Summary, *, max_frequency: int = 7) -> Table:
    """Purchases of the holdout by those of the calibration period, actual and expected given each customer's history.

    Parameters
    ----------
    model
        A model fitted on the calibration period.
    summary
        A :class:`Summary` made with ``calibrate_until``.
    max_frequency
        The last row holds customers with this many purchases and more.

    Returns
    -------
    Table
        ``frequency`` (of the calibration period), ``customers``, and a customer's mean purchases in the holdout,
        ``actual`` and ``expected``; NaN where nobody has this frequency.
    """
    if "frequency_holdout" not in summary:
        raise ValueError("calibration_table: the summary has no holdout: make it with calibrate_until=")
    frequency, age, holdout, span, weights = _read(summary, "frequency", "T", "frequency_holdout", "duration_holdout")
    shown = _whole(max_frequency, "max_frequency")
    if len(np.unique(span)) > 1:
        raise ValueError("calibration_table: the holdout must be equally long for all customers")
    seen = summary.take(~np.isnan(summary["T"]))
    expected = model.expected_purchases(seen, np.timedelta64(round(span[0] * summary._unit), "us"))
    group = np.minimum(frequency, shown).astype(int)
    sums = [np.bincount(group, values * weights, shown + 1) for values in (np.ones(len(age)), holdout, expected)]
    with np.errstate(invalid="ignore"):
        actual, predicted = sums[1] / sums[0], sums[2] / sums[0]
    return Table({"frequency": np.arange(shown + 1), "customers": sums[0], "actual": actual, "expected": predicted})


def alive_table(model: PurchaseModel, *, T: Horizon, max_frequency: int = 20, steps: int = 60) -> Table:
    """P(alive) of customers of one age by how often and how lately they bought.

    Parameters
    ----------
    model
        A fitted model of repeat purchases.
    T
        The age of the customers: text, a timedelta or a number in the unit of the model.
    max_frequency
        Repeat purchases go from 1 to this; customers without any have the recency 0.
    steps
        How many recencies from 0 to T.

    Returns
    -------
    Table
        ``frequency``, ``recency``, ``T`` (in the unit of the model) and ``probability_alive``, the recencies of one
        frequency after each other; NaN where a model of whole periods has no such customer.
    """
    core = model._ready()
    count, unit = model._span(T, "T")
    age = count * unit / core.unit if core.unit and unit else count
    shown = _whole(max_frequency, "max_frequency")
    recency = np.linspace(0.0, age, _whole(steps, "steps"))
    whole = isinstance(model, BetaGeoBetaBinomial)
    if whole:
        age = float(math.floor(age))
        recency = np.arange(age + 1)
    x, tx = (grid.ravel() for grid in np.meshgrid(np.arange(1, shown + 1), recency, indexing="ij"))
    possible = x <= tx if whole else tx > 0
    alive = np.full(len(x), np.nan)
    rows = {"frequency": x[possible], "recency": tx[possible], "T": np.full(int(possible.sum()), age)}
    if len(rows["T"]):
        alive[possible] = model.probability_alive(
            Summary(**rows, unit=_time.unit_text(core.unit)) if core.unit else rows
        )
    return Table({"frequency": x, "recency": tx, "T": np.full(len(x), age), "probability_alive": alive})


def rate_density_table(model: PurchaseModel, which: str = "purchases", *, points: int = 400) -> Table:
    """How a rate or chance is spread over customers, as the model's parameters have it.

    Parameters
    ----------
    model
        A fitted model.
    which
        ``"purchases"``: how often customers buy while they are active, purchases a unit of time (BG/BB: the chance of
        buying at an opportunity). ``"dropout"``: how readily they leave: after a purchase (BG and kin: a chance), at
        any time (Pareto/NBD: a rate; GGom/NBD: the rate at the start), at an opportunity or renewal (a chance).
    points
        How many values.

    Returns
    -------
    Table
        ``value``, ``density``, ``mean`` (the same in every row). Chances go from 0 to 1, rates to three standard
        deviations above the mean.
    """
    kind, first, second = _mixing(model, which)
    middles = (np.arange(_whole(points, "points")) + 0.5) / points
    if kind == "beta":
        value = middles
        log_density = (
            (first - 1) * np.log(value)
            + (second - 1) * np.log1p(-value)
            + math.lgamma(first + second)
            - math.lgamma(first)
            - math.lgamma(second)
        )
        mean = first / (first + second)
    else:
        value = middles * (first + 3 * math.sqrt(first)) / second
        log_density = first * math.log(second) - math.lgamma(first) + (first - 1) * np.log(value) - second * value
        mean = first / second
    return Table({"value": value, "density": np.exp(log_density), "mean": np.full(len(value), mean)})


def _mixing(model: PurchaseModel, which: str) -> tuple[str, float, float]:
    """The distribution over customers: its kind and two parameters."""
    if which not in ("purchases", "dropout"):
        raise ValueError(f'which: {which!r} is neither "purchases" nor "dropout"')
    p = model.params_
    if isinstance(model, (ShiftedBetaGeo, BetaDiscreteWeibull)):
        if which == "purchases":
            raise ValueError(f"{type(model).__name__} has no rate of purchases: contracts are renewed or lost")
        return ("beta", p["alpha"], p["beta"]) if "alpha" in p else ("beta", p["gamma"], p["delta"])
    if isinstance(model, BetaGeoBetaBinomial):
        return ("beta", p["alpha"], p["beta"]) if which == "purchases" else ("beta", p["gamma"], p["delta"])
    if which == "purchases":
        return "gamma", p["r"], p["alpha"] * p.get("k", 1)
    if isinstance(model, NBD):
        raise ValueError("NBD has no dropout: nobody leaves")
    if isinstance(model, (BetaGeoNBD, ModifiedBetaGeoNBD, BetaGeoCNBD)):
        return "beta", p["a"], p["b"]
    if isinstance(model, GammaGompertzNBD):
        return "gamma", p["s"], p["beta"] / p["b"]
    if isinstance(model, ParetoNBD):
        return "gamma", p["s"], p["beta"]
    raise ValueError(f"{type(model).__name__} has no density of this kind")


def value_table(value: Any, *, bins: int = 40) -> Table:
    """How value is spread over customers: classes of equal width on a logarithmic scale, the first without lower end.

    Parameters
    ----------
    value
        What :func:`lifetime_value` returned, any table with a column ``value``, or an array. Values that are missing or
        not positive are in no class.
    bins
        How many classes.

    Returns
    -------
    Table
        ``low``, ``high``, ``customers``, ``value`` (their sum). The first class begins at 0 and ends where 5 of 1,000
        customers are below, or a little above, so that single tiny values do not stretch the scale.
    """
    values = values_of(value)
    positive = values[np.isfinite(values) & (values > 0)]
    if not len(positive):
        raise ValueError("value_table: no value is positive")
    low, high = float(np.quantile(positive, 0.005)), float(positive.max())
    edges = np.geomspace(low, high, _whole(bins, "bins") + 1) if high > low else np.array([low, high])
    edges[0], edges[-1] = 0.0, high
    place = np.clip(np.searchsorted(edges, positive, side="right") - 1, 0, len(edges) - 2)
    return Table(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "customers": np.bincount(place, minlength=len(edges) - 1),
            "value": np.bincount(place, positive, minlength=len(edges) - 1),
        }
    )


def values_of(value: Any) -> Values:
    """The column ``value`` of a table, or an array as it stands."""
    column = value["value"] if isinstance(value, (Table, dict)) or hasattr(value, "columns") else value
    values: Values = np.asarray(column, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"value: one number a customer is needed, not {values.ndim} dimensions")
    return values


def _read(summary: Any, *names: str) -> tuple[Any, ...]:
    """Columns of the rows with an age, and their weights."""
    present = _input.column_names(summary, "summary")
    wanted = {name: name for name in (*names, "T", "weights") if name != "weights" or name in present}
    _input.require_columns(present, wanted, "summary")
    columns = summary if isinstance(summary, Summary) else _columns.read(summary, wanted, {}, "summary")
    values = {name: np.asarray(columns[name], dtype=np.float64) for name in wanted}
    seen = ~np.isnan(values["T"])
    if not seen.any():
        raise ValueError("the summary has no customer with a purchase")
    weights = values.get("weights", np.ones(len(seen)))
    return (*(values[name][seen] for name in names), weights[seen])


def in_unit_of(model: PurchaseModel, summary: Any) -> PurchaseModel:
    """The model, or where it was given parameters and no unit the same model in the unit of the summary it meets."""
    if model._ready().unit or model._nameless or not isinstance(summary, Summary):
        return model
    return type(model)(**{**model.params_, "unit": summary.unit})


def _whole(value: int, name: str) -> int:
    if isinstance(value, bool) or value != int(value) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {value!r}")
    return int(value)
