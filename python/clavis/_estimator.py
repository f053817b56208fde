"""What every fitted model has: rows in, a fit with its report, and the predictions of models of repeat purchases."""

from __future__ import annotations

import datetime
import html
import math
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input, _time
from clavis._fit_report import FitReport
from clavis._posterior import Posterior, is_whole
from clavis.summary import Summary, _counts
from clavis.table import Table

__all__ = [
    "Estimator",
    "FitReport",
    "Horizon",
    "Prior",
    "Progress",
    "PurchaseModel",
    "Self",
    "Values",
    "is_number",
    "priors_of",
    "rows_of",
    "warn_infinite",
]

Progress = Callable[[str, float], Any]
#: Text ("39 weeks"), a timedelta, or a number in the unit of the model.
Horizon = str | datetime.timedelta | np.timedelta64 | float
Values = npt.NDArray[np.float64]

_NUMBERS = ("frequency", "recency", "T", "monetary_value", "log_gap_sum", "weights")


def rows_of(table: Any, *, spend: bool = False) -> tuple[_clavis.lifetime.Rows, Any]:
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
        unseen = np.isnan(columns["T"])
        frequency = np.where(unseen & np.isnan(frequency), 0.0, frequency)
        if (unseen & (frequency > 0)).any():
            row = int(np.argmax(unseen & (frequency > 0)))
            raise _clavis.InputError(
                f'summary, column "frequency", row {row}: "{frequency[row]:g}" is above 0 where T is missing'
            )
    rows = _clavis.lifetime.Rows(
        frequency=_counts(frequency),
        unit=unit,
        **{
            name: np.ascontiguousarray(columns[name], dtype=np.float64) if name in columns else empty
            for name in _NUMBERS[1:]
        },
    )
    return rows, columns.get("customer_id")


def is_number(value: object) -> bool:
    # NumPy counts its timedelta among the integers.
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.timedelta64))


def _is_compiled(value: object) -> bool:
    return type(value).__module__.startswith(_clavis.__name__)


#: ``"weak"``, or by parameter ("lognormal", mean, deviation) of its logarithm or ("gamma", shape, rate).
Prior = str | Mapping[str, tuple[str, float, float]]


def priors_of(prior: Prior | None) -> list[tuple[str, str, float, float]]:
    """Priors as the core reads them."""
    if prior is None:
        return []
    if isinstance(prior, str):
        if prior != "weak":
            raise _clavis.InputError(f'prior: "{prior}" is not "weak" or a dict of parameters')
        return [("weak", "lognormal", 0.0, 2.0)]
    if not isinstance(prior, Mapping):
        raise _clavis.InputError(f'prior: {prior!r} is not "weak" or a dict of parameters')
    result = []
    entries: dict[str, Any] = dict(prior)
    for name, given in entries.items():
        if (
            name == "weak"
            or not isinstance(given, (tuple, list))
            or len(given) != 3
            or given[0] not in ("lognormal", "gamma")
            or not (is_number(given[1]) and is_number(given[2]))
        ):
            wanted = 'a parameter with ("lognormal", mean, deviation) or ("gamma", shape, rate)'
            raise _clavis.InputError(f"prior of {name}: {given!r} is not {wanted}")
        result.append((name, given[0], float(given[1]), float(given[2])))
    return result


Self = TypeVar("Self", bound="Estimator")
Purchases = TypeVar("Purchases", bound="PurchaseModel")


class Estimator(Posterior):
    """Parameters given or fitted, and the habits of scikit-learn.

    ``sklearn.base.clone`` makes an unfitted model of the same arguments; ``copy`` and ``pickle`` keep what was fitted.
    A pickle runs code when it is read: take none from strangers.
    """

    _core_type: ClassVar[Any]
    _options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **given: Any) -> None:
        self._given = given
        self._core: Any = None
        self._report: FitReport | None = None
        self._seen = None
        self._settle()

    def _settle(self) -> None:
        """Ready to use at once where every parameter is given."""
        self._report = None
        self._core = None
        self._seen = None
        for name, value in self._fixed().items():
            if not is_number(value) or not value > 0 or not math.isfinite(value):
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

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles carry plain numbers; what lives in the compiled core is made anew from them.
        state = {name: None if _is_compiled(value) else value for name, value in self.__dict__.items()}
        core = None if self._core is None else (list(self._core.parameters), int(getattr(self._core, "unit", 0)))
        return {**state, "_core": core}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._core is not None:
            parameters, unit = self._core
            self._core = self._core_type(parameters, *([unit] if isinstance(self, PurchaseModel) else []))

    def to_json(self) -> str:
        """The parameters, and the report where there is one, as a JSON document below 10 KB; no data."""
        report = None if self._report is None else {f.name: getattr(self._report, f.name) for f in fields(FitReport)}
        return str(self._ready().to_json(report))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_json` to a file, which :func:`clavis.load` reads back to the last bit."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def from_json(cls: type[Self], text: str) -> Self:
        """The model that :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            If the text is no such document, is larger than 10 KB, holds another model, or says anything this version
            does not know.
        """
        core, report = _clavis.lifetime.from_json(text)
        if not isinstance(core, cls._core_type):
            raise _clavis.InputError(f"saved model: it is a {type(core).__name__}, not a {cls.__name__}")
        model = cls()
        model._restore(core, None if report is None else FitReport(**report))
        return model

    def _restore(self, core: Any, report: FitReport | None) -> None:
        """Take what was saved; parameters that the fit held fixed were given to the constructor."""
        given = dict(zip(core.names, core.parameters, strict=True))
        if report is not None:
            given = {name: value for name, value in given.items() if report.standard_errors[name] == 0}
            if report.profile:  # k was found, although it has no error
                given.pop("k", None)
        self._given = {**self._given, **given}
        self._settle()
        self._core, self._report = core, report

    def _shown(self) -> list[tuple[str, float, float | None]]:
        """Name, value and standard error of each parameter."""
        errors = {} if self._report is None else self._report.standard_errors
        return [(name, value, errors.get(name)) for name, value in self.params_.items()]

    def _error_text(self, name: str, error: float | None) -> str:
        """A standard error as it is shown: there is none for parameters that were given."""
        if error is None:
            return ""
        if name == "k" and self._report is not None and self._report.profile:
            return "by profile likelihood"
        return "not identified" if math.isnan(error) else "held fixed" if error == 0 else f"{error:.3g}"

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
            f"<tr><td>{name}</td><td>{value:.6g}</td><td>{self._error_text(name, error)}</td></tr>"
            for name, value, error in self._shown()
        )
        notes = []
        if self._report is not None:
            notes = [self._report.status, f"log-likelihood {self._report.log_likelihood:.4f}", *self._report.warnings]
        caption = html.escape(", ".join([type(self).__name__, *self._more()]))
        return (
            f"<table><caption>{caption}</caption><thead><tr><th>parameter</th><th>value</th>"
            f"<th>standard error</th></tr></thead><tbody>{rows}</tbody></table>"
            + "".join(f"<p>{html.escape(note)}</p>" for note in notes)
        )


class PurchaseModel(Estimator):
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

    def _restore(self, core: Any, report: FitReport | None) -> None:
        if core.unit:
            self._given["unit"] = datetime.timedelta(microseconds=core.unit)
        super()._restore(core, report)
        self._nameless = report is not None and not core.unit

    def _again(self, parameters: list[float]) -> Any:
        return self._core_type(parameters, self._ready().unit)

    def _rows(self, summary: Any) -> tuple[_clavis.lifetime.Rows, Any]:
        """The rows a model reads, and the customer ids: some take other tables too."""
        return rows_of(summary)

    def _more(self) -> list[str]:
        unit = self._ready().unit
        return [f'unit="{_time.unit_text(unit)}"'] if unit else []

    def fit(
        self: Purchases,
        summary: Any,
        *,
        prior: Prior | None = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> Purchases:
        """Fit by maximum likelihood, or maximum a posteriori where there is a prior.

        Newton's method with analytic gradient and Hessian on the logarithms of the parameters, on distinct rows with
        weights; the same bits for any number of threads and any order of rows. Parameters given to the constructor
        are held fixed.

        Parameters
        ----------
        summary
            A :class:`Summary`, or any table with columns ``frequency``, ``recency``, ``T`` (and ``weights``). Rows
            whose T is missing, customers without any purchase, are left out and counted.
        prior
            Densities of the logarithms of parameters made dimensionless: those measured in time are divided (rates
            multiplied) by the mean age T of the rows, so that a prior means the same in days and in weeks. By parameter
            ``("lognormal", mean, deviation)``, both of the logarithm, or ``("gamma", shape, rate)``. ``"weak"``: a
            log-normal around 1 for all, which leaves 95 % to a factor of 50 either way; it makes finite what the data
            leave open. The estimate is the mode over the logarithms; standard errors are those of the posterior there.
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
        self._core, report = self._core_type.fit(rows, fixed, threads, progress, priors_of(prior))
        self._report = FitReport(**report)
        self._nameless = rows.unit == 0
        self._remember(rows)
        return self

    def _span(self, length: Horizon, name: str, rows_unit: int = 0) -> tuple[float, int]:
        """A length of time as a count and its unit in microseconds."""
        core = self._ready()
        if is_number(length):
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
        warn_infinite(result, f"the mean number of purchases does not exist over an endless horizon ({self._endless})")
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

    def purchase_quantile(self, summary: Any, horizon: Horizon, q: float, *, threads: int = 0) -> Values:
        """The smallest n with P(at most n purchases in (T, T + ``horizon``]) ≥ ``q`` of each row.

        Infinite, with a warning, where any number may be exceeded with a chance above 1 − ``q``.
        """
        rows, _ = self._rows(summary)
        span = self._span(horizon, "horizon", rows.unit)
        result: Values = self._ready().purchase_quantile(rows, *span, float(q), threads)
        warn_infinite(result, f"any number of purchases may be exceeded with a chance above {1 - q:g}")
        return result

    def next_purchase_quantile(self, summary: Any, q: float, *, threads: int = 0) -> Values:
        """The wait after T by which the next purchase has come with probability ``q``, of each row.

        In the unit of the model (of the rows where it has none). Infinite, with a warning, where the chance that the
        customer ever buys again does not exceed ``q``. Models of whole periods give whole waits.
        """
        rows, _ = self._rows(summary)
        result: Values = self._ready().next_purchase_quantile(rows, float(q), threads)
        warn_infinite(result, f"the chance that they ever buy again is not above {q:g}")
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
        warn_infinite(result, f"without discounting the mean over an endless horizon does not exist ({self._endless})")
        return result

    def expected_purchases_new_customer(self, t: Horizon | npt.ArrayLike) -> Any:
        """Expected repeat purchases in (0, ``t``] of a customer just acquired; an array for an array of numbers."""
        if isinstance(t, (str, datetime.timedelta, np.timedelta64)) or is_number(t):
            return self._ready().expected_purchases_new_customer(*self._span(t, "t"))  # type: ignore[arg-type]
        times = np.asarray(t)
        values = [self._ready().expected_purchases_new_customer(*self._span(v, "t")) for v in times.ravel()]
        return np.array(values, dtype=np.float64).reshape(times.shape)

    def purchase_pmf_new_customer(self, t: Horizon, n_max: int) -> Values:
        """P(n repeat purchases in (0, ``t``]) of a customer just acquired, n = 0 … ``n_max``."""
        result: Values = self._ready().purchase_pmf_new_customer(*self._span(t, "t"), n_max)
        return result

    def simulate(
        self,
        n: int,
        T: Horizon | npt.ArrayLike,
        seed: int,
        *,
        start: _time.Date = "2024-01-01",
        spend: Estimator | None = None,
        threads: int = 0,
    ) -> Table:
        """Draw customers from the model, purchase by purchase as the model tells it.

        Parameters
        ----------
        n
            How many customers.
        T
            How long each is observed from the first purchase on: text, a timedelta or a number in the unit of the
            model, or ``n`` such numbers. Models of whole periods are observed for the whole periods in it.
        seed
            The same seed gives the same customers on every platform, and more of them leave the first ones as they
            were.
        start
            The day at whose start the first customer was acquired. Observation of all ends together, the longest T
            later: ``observe_until`` of :func:`summarize`.
        spend
            A :class:`GammaGamma`: adds ``amount``, rounded to 0.01.
        threads
            0: every core.

        Returns
        -------
        Table
            One row a purchase, the first included: ``customer_id`` (from 1), ``time`` (datetime64[us]) and, with
            ``spend``, ``amount``. Renewals are the purchases of models of contracts.

        Raises
        ------
        ValueError
            If ``n``, ``T`` or ``seed`` has no sensible value, or the model has no unit of time.

        Examples
        --------
        >>> from clavis import BetaGeoNBD
        >>> m = BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
        >>> int(m.simulate(3, "39 weeks", seed=1)["customer_id"].max())
        3
        """
        core = self._ready()
        for name, value, most in (("n", n, 2**31 - 1), ("seed", seed, 2**64 - 1)):
            if not is_whole(value) or not 0 <= value <= most:
                raise _clavis.InputError(f"simulate: {name} must be a whole number from 0 to {most}, not {value!r}")
        if not core.unit:
            raise ValueError("the model has no unit of time: give unit= to it, or fit it to a summary that has one")
        ages = self._ages(T, int(n))
        data = _clavis.simulate.purchases(core, ages, int(seed), threads)
        counts = np.diff(data["offsets"])
        begin = np.datetime64(_time.day_number(start, "start"), "D").astype("datetime64[us]")
        late = np.repeat(ages.max(initial=0.0) - ages, counts)
        columns: dict[str, Any] = {
            "customer_id": np.repeat(np.arange(1, int(n) + 1), counts),
            "time": begin + np.rint((late + data["age"]) * core.unit).astype("timedelta64[us]"),
        }
        if spend is not None:
            amounts = _clavis.simulate.spend(spend._ready(), data["offsets"], int(seed), threads)
            columns["amount"] = np.round(amounts, 2)
        return Table(columns)

    def _ages(self, T: Horizon | npt.ArrayLike, n: int) -> Values:
        """T of n customers in the unit of the model."""
        if isinstance(T, (str, datetime.timedelta, np.timedelta64)) or is_number(T):
            count, unit = self._span(T, "T")  # type: ignore[arg-type]
            return np.full(n, count * (unit / self._ready().unit))
        values = np.asarray(T)
        if values.dtype.kind == "m":
            values = values / np.timedelta64(1, "us") / self._ready().unit
        if values.shape != (n,):
            raise _clavis.InputError(f"simulate: T must be one length of time or {n} of them, not {values.shape}")
        return values.astype(np.float64)


def warn_infinite(values: Values, why: str) -> None:
    count = int(np.isinf(values).sum())
    if count:
        warnings.warn(f"infinite for {count:,} of {len(values):,} rows: {why}", RuntimeWarning, stacklevel=3)
