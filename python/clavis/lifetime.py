"""What customers are worth ahead: models of repeat purchases and of spend, and lifetime value from both."""

from __future__ import annotations

import datetime
import html
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input, _time
from clavis.summary import Summary, _counts
from clavis.table import Table

__all__ = [
    "NBD",
    "BetaGeoCNBD",
    "BetaGeoNBD",
    "FitReport",
    "GammaGamma",
    "GammaGompertzNBD",
    "ModifiedBetaGeoCNBD",
    "ModifiedBetaGeoNBD",
    "ParetoNBD",
    "lifetime_value",
]

Progress = Callable[[str, float], Any]
#: Text ("39 weeks"), a timedelta, or a number in the unit of the model.
Horizon = str | datetime.timedelta | np.timedelta64 | float
Values = npt.NDArray[np.float64]

_NUMBERS = ("frequency", "recency", "T", "monetary_value", "log_gap_sum", "weights")


@dataclass(frozen=True)
class FitReport:
    """How a fit ended and what it knows.

    Attributes
    ----------
    converged
        True only where the gradient vanishes, the Hessian is positive definite and every parameter is identified.
    status
        One sentence on how the search ended.
    standard_errors
        By parameter name; 0 where held fixed, NaN where not identified.
    covariance
        Of the parameters, in the order of ``params_``.
    log_likelihood
        At the estimate, in the unit of the data.
    gradient_norm
        The largest derivative of the log-likelihood by the logarithm of a parameter.
    condition
        Of the Hessian on logarithms of the parameters.
    iterations
        Newton steps of the best start and of the final fit on all rows.
    rows, distinct_rows, left_out, customers
        Rows used, distinct among them, left out (a warning says why), and the sum of weights.
    warnings
        In words: what cannot be known from these data, and what was left out.
    profile
        Of a parameter found by profile likelihood (k): the log-likelihood of every value tried.
    """

    converged: bool
    status: str
    standard_errors: dict[str, float]
    covariance: Values
    log_likelihood: float
    gradient_norm: float
    condition: float
    iterations: int
    rows: int
    distinct_rows: int
    left_out: int
    customers: float
    warnings: tuple[str, ...]
    profile: dict[float, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        lines = [
            f"FitReport: {self.status}",
            f"  log-likelihood {self.log_likelihood:.6f} on {self.rows:,} rows ({self.distinct_rows:,} distinct), "
            f"{self.iterations} iterations",
            f"  gradient norm {self.gradient_norm:.2g}, condition {self.condition:.3g}",
            *(f"  warning: {text}" for text in self.warnings),
        ]
        return "\n".join(lines)


def _rows(table: Any, *, spend: bool = False) -> tuple[_clavis.lifetime.Rows, Any]:
    """The columns models read, and the customer ids where there are any (else None)."""
    needed = ("frequency", "monetary_value") if spend else ("frequency", "recency", "T")
    unit = 0
    if isinstance(table, Summary):
        unit = table._unit
        present = table.columns
        _input.require_columns(present, {name: name for name in needed}, "summary")
        columns = {name: table[name] for name in (*_NUMBERS, "customer_id") if name in present}
    else:
        present = _input.column_names(table, "summary")
        _input.require_columns(present, {name: name for name in needed}, "summary")
        numbers = {name: name for name in _NUMBERS if name in present}
        labels = {"customer_id": "customer_id"} if "customer_id" in present else {}
        columns = _columns.read(table, numbers, labels, "summary")
    empty = np.empty(0)
    frequency = columns["frequency"]
    if "T" in columns and frequency.dtype.kind == "f":
        # A customer without any purchase may have no frequency either.
        frequency = np.where(np.isnan(columns["T"]) & np.isnan(frequency), 0.0, frequency)
    rows = _clavis.lifetime.Rows(
        frequency=_counts(frequency),
        unit=unit,
        **{
            name: np.ascontiguousarray(columns[name], dtype=np.float64) if name in columns else empty
            for name in _NUMBERS[1:]
        },
    )
    return rows, columns.get("customer_id")


def _is_number(value: object) -> bool:
    # NumPy counts its timedelta among the integers.
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.timedelta64))


Self = TypeVar("Self", bound="_Estimator")
Purchases = TypeVar("Purchases", bound="_PurchaseModel")


class _Estimator:
    """Parameters given or fitted, and the habits of scikit-learn."""

    _core_type: ClassVar[Any]
    _options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **given: Any) -> None:
        self._given = given
        self._core: Any = None
        self._report: FitReport | None = None
        self._settle()

    def _settle(self) -> None:
        """Ready to use at once where every parameter is given."""
        self._report = None
        self._core = None
        for name, value in self._fixed().items():
            if not _is_number(value) or not value > 0 or not math.isfinite(value):
                raise ValueError(f"{type(self).__name__}: {name} must be a positive number, not {value!r}")
        if len(self._fixed()) == len(self._core_type.names):
            self._core = self._make([float(self._given[name]) for name in self._core_type.names])

    def _fixed(self) -> dict[str, float]:
        return {name: self._given[name] for name in self._core_type.names if self._given[name] is not None}

    def _make(self, parameters: list[float]) -> Any:
        return self._core_type(parameters)

    def _ready(self) -> Any:
        if self._core is None:
            raise AttributeError(f"this {type(self).__name__} has no parameters yet: fit it, or give all of them")
        return self._core

    @property
    def params_(self) -> dict[str, float]:
        """The parameters by the literature's names, fitted or given."""
        return dict(zip(self._core_type.names, self._ready().parameters, strict=True))

    @property
    def report_(self) -> FitReport:
        """How the fit ended; there is none for parameters that were given."""
        if self._report is None:
            raise AttributeError(f"this {type(self).__name__} has not been fitted")
        return self._report

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor (scikit-learn); ``deep`` changes nothing."""
        return dict(self._given)

    def set_params(self: Self, **params: Any) -> Self:
        """Change arguments of the constructor; what was fitted is forgotten."""
        for name in params:
            if name not in self._given:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; there are {', '.join(self._given)}")
        self._given = {**self._given, **params}
        self._settle()
        return self

    def _shown(self) -> list[tuple[str, float, float | None]]:
        """Name, value and standard error of each parameter."""
        errors = {} if self._report is None else self._report.standard_errors
        return [(name, value, errors.get(name)) for name, value in self.params_.items()]

    def _more(self) -> list[str]:
        return []

    def __repr__(self) -> str:
        if self._core is None:
            given = [f"{name}={value!r}" for name, value in self._given.items() if value is not None]
            return f"{type(self).__name__}({', '.join(given)})"
        parts = [f"{name}={value:.6g}" for name, value, _ in self._shown()]
        text = f"{type(self).__name__}({', '.join(parts + self._more())})"
        if self._report is not None and not self._report.converged:
            text += f"  # {self._report.status}"
        return text

    def _repr_html_(self) -> str:
        if self._core is None:
            return f"<p>{html.escape(repr(self))}</p>"
        rows = "".join(
            f"<tr><td>{name}</td><td>{value:.6g}</td><td>{'' if error is None else f'{error:.3g}'}</td></tr>"
            for name, value, error in self._shown()
        )
        notes = []
        if self._report is not None:
            notes = [self._report.status, f"log-likelihood {self._report.log_likelihood:.4f}", *self._report.warnings]
        return (
            f"<table><caption>{type(self).__name__}</caption><thead><tr><th>parameter</th><th>value</th>"
            f"<th>standard error</th></tr></thead><tbody>{rows}</tbody></table>"
            + "".join(f"<p>{html.escape(note)}</p>" for note in notes)
        )


class _PurchaseModel(_Estimator):
    """Predictions that every model of repeat purchases offers."""

    _endless: ClassVar[str]  # where the mean over an endless horizon does not exist
    _nameless = False  # fitted on rows that do not say their unit: numbers are in that unit

    def _settle(self) -> None:
        self._nameless = False
        unit = self._given["unit"]
        self._unit = 0 if unit is None else _time.microseconds(unit)
        super()._settle()

    def _make(self, parameters: list[float]) -> Any:
        return self._core_type(parameters, self._unit)

    def _rows(self, summary: Any) -> tuple[_clavis.lifetime.Rows, Any]:
        """The rows a model reads, and the customer ids: some take other tables too."""
        return _rows(summary)

    def _more(self) -> list[str]:
        unit = self._ready().unit
        return [f'unit="{_time.unit_text(unit)}"'] if unit else []

    def fit(self: Purchases, summary: Any, *, threads: int = 0, progress: Progress | None = None) -> Purchases:
        """Fit by maximum likelihood.

        Newton's method with analytic gradient and Hessian on the logarithms of the parameters, on distinct rows with
        weights; the same bits for any number of threads and any order of rows. Parameters given to the constructor
        are held fixed.

        Parameters
        ----------
        summary
            A :class:`Summary`, or any table with columns ``frequency``, ``recency``, ``T`` (and ``weights``). Rows
            whose T is missing, customers without any purchase, are left out and counted.
        threads
            0: every core.
        progress
            Called with the stage and the part done; returning ``False`` stops.

        Returns
        -------
        The model itself, with ``params_`` and ``report_``.

        Raises
        ------
        ValueError
            If a row cannot be used; the message names column, row and value.
        """
        rows, _ = self._rows(summary)
        factor = self._unit / rows.unit if self._unit and rows.unit else 1.0
        powers = dict(zip(self._core_type.names, self._core_type.time_power, strict=True))
        fixed = {name: float(value) * factor ** powers[name] for name, value in self._fixed().items()}
        self._core, report = self._core_type.fit(rows, fixed, threads, progress)
        self._report = FitReport(**report)
        self._nameless = rows.unit == 0
        return self

    def _span(self, length: Horizon, name: str, rows_unit: int = 0) -> tuple[float, int]:
        """A length of time as a count and its unit in microseconds."""
        core = self._ready()
        if _is_number(length):
            count = float(length)  # type: ignore[arg-type]
            if math.isnan(count) or count < 0:
                raise ValueError(f"{name} must not be negative or missing, not {length!r}")
            unit = core.unit or rows_unit
            if not unit and not self._nameless and 0 < count < math.inf:
                raise ValueError(
                    f"{name} is the bare number {length!r}, but neither the model nor the data say their unit: write "
                    f'"{length:g} weeks", or give unit= to the model'
                )
            return count, unit
        return float(_time.microseconds(length, name)), 1  # type: ignore[arg-type]

    def log_likelihood(self, summary: Any, *, threads: int = 0) -> Values:
        """Log-likelihood of each row, in the unit of the rows."""
        rows, _ = self._rows(summary)
        result: Values = self._ready().log_likelihood(rows, threads)
        return result

    def probability_alive(self, summary: Any, at: Horizon = 0, *, threads: int = 0) -> Values:
        """P(still active at T + ``at`` | history) of each row.

        ``at`` is text, a timedelta or a number in the unit of the model. Under BG/NBD a customer without repeat
        purchase has had no chance to leave: the probability is 1. It is no alarm; see :class:`DefectionMonitor`.
        """
        rows, _ = self._rows(summary)
        result: Values = self._ready().probability_alive(rows, *self._span(at, "at", rows.unit), threads)
        return result

    def expected_purchases(self, summary: Any, horizon: Horizon, *, threads: int = 0) -> Values:
        """Expected purchases of each row in (T, T + ``horizon``].

        ``horizon`` is text (``"39 weeks"``), a timedelta, or a number in the unit of the model; ``math.inf`` for the
        whole future, where the mean may be infinite.
        """
        rows, _ = self._rows(summary)
        result: Values = self._ready().expected_purchases(rows, *self._span(horizon, "horizon", rows.unit), threads)
        _warn_infinite(result, f"the mean number of purchases does not exist over an endless horizon ({self._endless})")
        return result

    def probability_no_purchase(self, summary: Any, horizon: Horizon, *, threads: int = 0) -> Values:
        """P(no purchase in (T, T + ``horizon``]) of each row."""
        rows, _ = self._rows(summary)
        span = self._span(horizon, "horizon", rows.unit)
        result: Values = self._ready().probability_no_purchase(rows, *span, threads)
        return result

    def purchase_pmf(self, summary: Any, horizon: Horizon, n_max: int, *, threads: int = 0) -> Values:
        """P(n purchases in (T, T + ``horizon``]) of each row for n = 0 … ``n_max``: an array (rows, n_max + 1)."""
        rows, _ = self._rows(summary)
        span = self._span(horizon, "horizon", rows.unit)
        result: Values = self._ready().purchase_pmf(rows, *span, n_max, threads)
        return result

    def discounted_expected_purchases(
        self, summary: Any, annual_rate: float, horizon: Horizon | None = None, *, threads: int = 0
    ) -> Values:
        """Expected purchases of each row after T, each discounted to T.

        Parameters
        ----------
        annual_rate
            Effective rate: 0.1 is 10 % a year of 365.25 days, a continuous rate of ln(1.1) a year.
        horizon
            How far ahead; ``None`` for the whole future.
        """
        rows, _ = self._rows(summary)
        span = self._span(math.inf if horizon is None else horizon, "horizon", rows.unit)
        result: Values = self._ready().discounted_expected_purchases(rows, float(annual_rate), *span, threads)
        _warn_infinite(result, f"without discounting the mean over an endless horizon does not exist ({self._endless})")
        return result

    def expected_purchases_new_customer(self, t: Horizon | npt.ArrayLike) -> Any:
        """Expected repeat purchases in (0, ``t``] of a customer just acquired; an array for an array of numbers."""
        if isinstance(t, (str, datetime.timedelta, np.timedelta64)) or _is_number(t):
            return self._ready().expected_purchases_new_customer(*self._span(t, "t"))  # type: ignore[arg-type]
        times = np.asarray(t)
        values = [self._ready().expected_purchases_new_customer(*self._span(v, "t")) for v in times.ravel()]
        return np.array(values, dtype=np.float64).reshape(times.shape)

    def purchase_pmf_new_customer(self, t: Horizon, n_max: int) -> Values:
        """P(n repeat purchases in (0, ``t``]) of a customer just acquired, n = 0 … ``n_max``."""
        result: Values = self._ready().purchase_pmf_new_customer(*self._span(t, "t"), n_max)
        return result


class BetaGeoNBD(_PurchaseModel):
    """BG/NBD (Fader, Hardie and Lee 2005): purchases at a rate λ ~ Gamma(r, α), and after each repeat purchase the
    customer leaves with chance p ~ Beta(a, b).

    Parameters
    ----------
    r, alpha, a, b
        All given: ready to use. Some given: held fixed in :meth:`fit`.
    unit
        The unit of ``alpha``: text or a timedelta. A fit takes the unit of its data; a model with given parameters and
        no unit takes that of the summary it meets.

    Examples
    --------
    >>> m = BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
    >>> round(m.expected_purchases_new_customer("39 weeks"), 4)
    1.1967
    """

    _core_type = _clavis.lifetime.BetaGeoNBD
    _endless = "a <= 1"

    def __init__(
        self,
        r: float | None = None,
        alpha: float | None = None,
        a: float | None = None,
        b: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(r=r, alpha=alpha, a=a, b=b, unit=unit)


class ModifiedBetaGeoNBD(_PurchaseModel):
    """MBG/NBD (Batislam, Denizel and Filiztekin 2007): BG/NBD in which a customer may also leave right after the first
    purchase, so that P(alive) falls with silence for one-time buyers too.

    Parameters
    ----------
    r, alpha, a, b, unit
        As in :class:`BetaGeoNBD`.
    """

    _core_type = _clavis.lifetime.ModifiedBetaGeoNBD
    _endless = "a <= 1"

    def __init__(
        self,
        r: float | None = None,
        alpha: float | None = None,
        a: float | None = None,
        b: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(r=r, alpha=alpha, a=a, b=b, unit=unit)


class BetaGeoCNBD(_PurchaseModel):
    """BG/CNBD-k (Reutterer, Platzer and Schroeder 2020): BG/NBD for customers who buy more regularly than by chance.

    Gaps between purchases are Erlang-k, the sum of k phases with rate λ ~ Gamma(r, α), so that their mean is k / λ.
    k = 1 is BG/NBD; with larger k silence says sooner that a customer has left. Predictions are exact, and those of a
    customer depend on that customer alone.

    Parameters
    ----------
    k
        A whole number from 1 to 48. ``None``: found in :meth:`fit` by profile likelihood over 1, 2, …, which needs the
        column ``log_gap_sum`` (the sum of the logarithms of the gaps, in the unit of ``recency``; :func:`summarize`
        gives it). ``report_.profile`` then has the log-likelihood of every k tried.
    r, alpha, a, b
        All given, with k: ready to use. Some given: held fixed in :meth:`fit`.
    unit
        The unit of ``alpha``, as in :class:`BetaGeoNBD`.

    Examples
    --------
    >>> m = BetaGeoCNBD(k=3, r=0.85, alpha=1.45, a=0.79, b=2.42, unit="week")
    >>> round(m.expected_purchases_new_customer("32 weeks"), 4)
    2.9747
    """

    _core_type: ClassVar[Any] = _clavis.lifetime.BetaGeoCNBD
    _endless = "a <= 1"

    def __init__(
        self,
        k: int | None = None,
        r: float | None = None,
        alpha: float | None = None,
        a: float | None = None,
        b: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(k=k, r=r, alpha=alpha, a=a, b=b, unit=unit)

    def _settle(self) -> None:
        k = self._given["k"]
        if k is not None and not (_is_number(k) and 1 <= k <= 48 and float(k).is_integer()):
            raise ValueError(f"{type(self).__name__}: k must be a whole number from 1 to 48, not {k!r}")
        super()._settle()

    @property
    def params_(self) -> dict[str, float]:
        """The parameters by the literature's names, fitted or given; k is an ``int``."""
        params = super().params_
        return {**params, "k": int(params["k"])}


class ModifiedBetaGeoCNBD(BetaGeoCNBD):
    """MBG/CNBD-k (Reutterer, Platzer and Schroeder 2020): :class:`BetaGeoCNBD` in which a customer may also leave right
    after the first purchase, so that P(alive) falls with silence for one-time buyers too.

    Parameters
    ----------
    k, r, alpha, a, b, unit
        As in :class:`BetaGeoCNBD`.
    """

    _core_type = _clavis.lifetime.ModifiedBetaGeoCNBD


class ParetoNBD(_PurchaseModel):
    """Pareto/NBD (Schmittlein, Morrison and Colombo 1987): purchases at a rate λ ~ Gamma(r, α), and the customer leaves
    at a rate μ ~ Gamma(s, β), at any time and without notice.

    P(alive) falls with silence for one-time buyers too. For s ≤ 1 the mean number of purchases over an endless horizon
    is infinite unless discounted.

    Parameters
    ----------
    r, alpha, s, beta
        All given: ready to use. Some given: held fixed in :meth:`fit`.
    unit
        The unit of ``alpha`` and ``beta``, as in :class:`BetaGeoNBD`.

    Examples
    --------
    >>> m = ParetoNBD(r=0.553, alpha=10.578, s=0.606, beta=11.669, unit="week")
    >>> round(m.expected_purchases_new_customer("52 weeks"), 4)
    1.4732
    """

    _core_type = _clavis.lifetime.ParetoNBD
    _endless = "s <= 1"

    def __init__(
        self,
        r: float | None = None,
        alpha: float | None = None,
        s: float | None = None,
        beta: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(r=r, alpha=alpha, s=s, beta=beta, unit=unit)


class GammaGompertzNBD(_PurchaseModel):
    """GGom/NBD (Bemmaor and Glady 2012): Pareto/NBD whose hazard of leaving grows with age, b η e^(b t) with
    η ~ Gamma(s, β).

    Where it does not grow, b goes to 0 and the model becomes Pareto/NBD with β/b as its β; the report then says so, and
    the fit is never worse than that Pareto/NBD.

    Parameters
    ----------
    r, alpha, b, s, beta
        All given: ready to use. Some given: held fixed in :meth:`fit`.
    unit
        The unit of ``alpha`` and of ``1 / b``, as in :class:`BetaGeoNBD`.
    """

    _core_type = _clavis.lifetime.GammaGompertzNBD
    _endless = "it is finite, but beyond the range of numbers"

    def __init__(
        self,
        r: float | None = None,
        alpha: float | None = None,
        b: float | None = None,
        s: float | None = None,
        beta: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(r=r, alpha=alpha, b=b, s=s, beta=beta, unit=unit)


class NBD(_PurchaseModel):
    """NBD (Ehrenberg 1959): purchases at a rate λ ~ Gamma(r, α) by customers who never leave.

    The yardstick for whether anybody leaves. P(alive) is 1 and recency says nothing.

    Parameters
    ----------
    r, alpha, unit
        As in :class:`BetaGeoNBD`.
    """

    _core_type = _clavis.lifetime.NBD
    _endless = "nobody leaves"

    def __init__(
        self, r: float | None = None, alpha: float | None = None, *, unit: _time.Duration | None = None
    ) -> None:
        super().__init__(r=r, alpha=alpha, unit=unit)


class GammaGamma(_Estimator):
    """Gamma-Gamma spend (Colombo and Jiang 1999; Fader and Hardie 2013): a customer's purchases are Gamma(p, ν) with
    ν ~ Gamma(q, γ), independent of how often the customer buys.

    Parameters
    ----------
    p, q, gamma
        All given: ready to use. Some given: held fixed in :meth:`fit`. ``gamma`` is in currency units.
    """

    _core_type = _clavis.lifetime.GammaGamma

    def __init__(self, p: float | None = None, q: float | None = None, gamma: float | None = None) -> None:
        super().__init__(p=p, q=q, gamma=gamma)

    def fit(self: Self, summary: Any, *, threads: int = 0, progress: Progress | None = None) -> Self:
        """Fit by maximum likelihood to the rows with repeat purchases.

        Parameters
        ----------
        summary
            A :class:`Summary`, or any table with columns ``frequency`` and ``monetary_value`` (and ``weights``).
            Customers whose repeat purchases net to zero or less are outside this model: they are left out, and
            counted in a warning.
        threads, progress
            As in :meth:`BetaGeoNBD.fit`.
        """
        rows, _ = _rows(summary, spend=True)
        self._core, report = self._core_type.fit(rows, self._fixed(), threads, progress)
        self._report = FitReport(**report)
        return self

    @property
    def population_mean_(self) -> float:
        """Mean spend over all customers, p γ / (q − 1); infinite for q ≤ 1."""
        return float(self._ready().population_mean)

    def expected_spend(self, summary: Any, *, threads: int = 0) -> Values:
        """Expected mean amount of future purchases of each row.

        The population mean where there is no repeat purchase; NaN where repeat purchases net to zero or less, which
        this model does not cover.
        """
        rows, _ = _rows(summary, spend=True)
        result: Values = self._ready().expected_spend(rows, threads)
        _warn_infinite(result, "the mean spend is infinite where p x + q <= 1")
        return result

    def log_likelihood(self, summary: Any, *, threads: int = 0) -> Values:
        """Log-likelihood of each row's mean amount; 0 for rows without repeat purchase."""
        rows, _ = _rows(summary, spend=True)
        result: Values = self._ready().log_likelihood(rows, threads)
        return result


def lifetime_value(
    model: _PurchaseModel,
    spend: GammaGamma,
    summary: Any,
    *,
    horizon: Horizon | None,
    annual_rate: float,
    margin: float = 1.0,
    threads: int = 0,
) -> Table:
    """Value ahead of each customer: margin × expected spend × discounted expected purchases.

    Only what is still to come counts, and spend is taken to be independent of how often a customer buys.

    Parameters
    ----------
    model
        A fitted model of repeat purchases.
    spend
        A fitted model of spend.
    summary
        A :class:`Summary`, or any table with ``frequency``, ``recency``, ``T`` and ``monetary_value``.
    horizon
        Text, a timedelta or a number in the unit of the model; ``None`` for the whole future.
    annual_rate
        Effective discount rate: 0.1 is 10 % a year of 365.25 days.
    margin
        The part of an amount that is kept.

    Returns
    -------
    Table
        ``customer_id`` and ``value``, in the order of the summary. NaN where the spend model does not cover a customer
        (repeat purchases net to zero or less) or the customer never bought.
    """
    for given, wanted in ((model, _PurchaseModel), (spend, GammaGamma)):
        if not isinstance(given, wanted):
            raise TypeError("lifetime_value takes a model of purchases, a GammaGamma and a summary, in this order")
    rows, ids = model._rows(summary)
    span = model._span(math.inf if horizon is None else horizon, "horizon", rows.unit)
    value: Values = model._ready().lifetime_value(
        spend._ready(), rows, *span, float(annual_rate), float(margin), threads
    )
    _warn_infinite(value, "the mean spend or the mean number of purchases does not exist")
    return Table({"customer_id": np.arange(len(rows)) if ids is None else ids, "value": value})


def _warn_infinite(values: Values, why: str) -> None:
    count = int(np.isinf(values).sum())
    if count:
        warnings.warn(f"infinite for {count:,} of {len(values):,} rows: {why}", RuntimeWarning, stacklevel=3)
