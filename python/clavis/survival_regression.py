"""What makes customers stay longer or shorter: Cox's proportional hazards and the Weibull accelerated failure time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis
from clavis._durations import covariates, cox_rows, numbers, one_column, truths, with_covariates
from clavis.table import Table

__all__ = ["CoxPH", "CoxReport", "WeibullAFT"]

Progress = Callable[[str, float], Any]
Values = npt.NDArray[np.float64]


def _normal_tail(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2)) if not math.isnan(z) else math.nan


class CoxReport:
    """How a fit ended.

    Attributes
    ----------
    converged : bool
        Whether the search ended at a maximum of the partial likelihood.
    status : str
        The same in words.
    warnings : tuple of str
        What cannot be known from these rows: constant columns, linear combinations, a likelihood that rises for ever.
    rows, events, iterations : int
        Rows with weight, events among them, Newton steps.
    log_likelihood, log_likelihood_null : float
        At the estimate and at 0.
    likelihood_ratio, score, wald : float
        Chi-squared statistics of all coefficients being 0 (``wald`` with the robust variance where there is one), with
        ``degrees_of_freedom``.
    gradient_norm, condition : float
        Of standardised coefficients.
    covariance : array
        Of the coefficients: robust where clusters or ``robust`` were asked for, else from the information.
    """

    def __init__(self, found: dict[str, Any]) -> None:
        self.converged = bool(found["converged"])
        self.status = str(found["status"])
        self.warnings: tuple[str, ...] = tuple(found["warnings"])
        self.rows = int(found["rows"])
        self.events = int(found["events"])
        self.iterations = int(found["iterations"])
        self.log_likelihood = float(found["log_likelihood"])
        self.log_likelihood_null = float(found["log_likelihood_null"])
        self.likelihood_ratio = 2 * (self.log_likelihood - self.log_likelihood_null)
        self.score = float(found["score_statistic"])
        self.wald = float(found["wald_statistic"])
        self.degrees_of_freedom = int(found["degrees"])
        self.gradient_norm = float(found["gradient_norm"])
        self.condition = float(found["condition"])
        robust = found["robust_covariance"]
        self.covariance: Values = found["covariance"] if robust is None else robust

    def __repr__(self) -> str:
        lines = [
            f"CoxReport: {self.status}",
            f"  {self.rows:,} rows, {self.events:,} events, {self.iterations} iterations",
            f"  log-likelihood {self.log_likelihood_null:.6f} -> {self.log_likelihood:.6f}, likelihood ratio "
            f"{self.likelihood_ratio:.4f} on {self.degrees_of_freedom} degrees of freedom",
            *(f"  warning: {text}" for text in self.warnings),
        ]
        return "\n".join(lines)


class CoxPH:
    """Proportional hazards (Cox 1972): what raises or lowers the hazard of leaving, at any time, by a factor.

    Parameters
    ----------
    ties
        How events at equal times count: ``"efron"`` (1977), near the truth, or ``"breslow"``.
    confidence
        Of the intervals.

    Attributes
    ----------
    params_ : dict
        Coefficients (logarithms of hazard ratios) by column; NaN where one cannot be known, which a warning explains.
    standard_errors_ : dict
        Robust where ``cluster`` or ``robust`` was given.
    log_likelihood_, concordance_ : float
        Partial log-likelihood, and the part of comparable pairs that the model puts in the right order.
    summary_ : Table
        By column: coefficient, hazard ratio with its interval, standard error, z and p-value.
    baseline_ : Table
        ``time``, ``cumulative_hazard``, ``survival`` of a row at the mean of the covariates (``means_``), with strata a
        first column ``stratum``.
    report_ : CoxReport
        How the fit ended. Read its warnings.

    Examples
    --------
    >>> X = {"complaints": [0, 2, 1, 0, 3, 1], "tenure": [5, 1, 4, 8, 2, 6]}
    >>> cox = CoxPH().fit(X, durations=[9, 3, 6, 10, 8, 4], events=[1, 1, 1, 0, 1, 1])
    >>> {name: round(value, 4) for name, value in cox.params_.items()}
    {'complaints': -0.3643, 'tenure': -0.6057}
    """

    def __init__(self, ties: str = "efron", confidence: float = 0.95) -> None:
        if ties not in ("efron", "breslow"):
            raise ValueError(f'ties is efron or breslow, not "{ties}"')
        self.ties = ties
        self.confidence = float(confidence)
        self._found: dict[str, Any] | None = None
        self._names: list[str] = []
        self._strata: list[Any] | None = None

    def fit(
        self,
        X: Any,
        durations: Any,
        events: Any,
        start: Any = None,
        strata: Any = None,
        cluster: Any = None,
        *,
        weights: Any = None,
        offset: Any = None,
        robust: bool = False,
        columns: Sequence[str] | None = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> CoxPH:
        """Maximise the partial likelihood.

        Parameters
        ----------
        X
            Covariates: any table, or an array of shape (n, columns). Every column is a number; an indicator is 0 or 1.
        durations
            Shape (n,): where observation of the row ended.
        events
            Shape (n,): 1 where with the event, 0 where without (censored).
        start
            Shape (n,): where observation of the row began, for late entry and for covariates that change: a subject
            then has a row for each stretch ``(start, duration]``.
        strata
            Shape (n,): labels; each stratum has a baseline of its own.
        cluster
            Shape (n,): labels of rows that are not independent (the customer, where one has several rows); standard
            errors are then robust (Lin and Wei 1989).
        weights
            Shape (n,): how much each row counts.
        offset
            Shape (n,): a part of the logarithm of the hazard that is known.
        robust
            Robust standard errors, each row a cluster of its own.
        columns
            Which columns of ``X``, or the names of an array's.
        threads
            0: every core.

        Raises
        ------
        ValueError
            Where a value cannot be used (named by column and row), or there are no events.
        """
        rows, names, labels = cox_rows(X, durations, events, start, strata, cluster, weights, offset, columns)
        self._found = _clavis.statistics.cox(rows, ties=self.ties, robust=robust, threads=threads, progress=progress)
        self._names = names
        self._strata = labels
        return self

    def _ready(self) -> dict[str, Any]:
        if self._found is None:
            raise ValueError("this CoxPH is not fitted yet: call fit first")
        return self._found

    @property
    def params_(self) -> dict[str, float]:
        """Coefficients by column."""
        return dict(zip(self._names, self._ready()["coefficient"].tolist(), strict=True))

    @property
    def report_(self) -> CoxReport:
        """How the fit ended."""
        return CoxReport(self._ready())

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard errors by column."""
        variance = np.diag(self.report_.covariance)
        return dict(zip(self._names, np.sqrt(variance).tolist(), strict=True))

    @property
    def log_likelihood_(self) -> float:
        """The partial log-likelihood at the estimate."""
        return float(self._ready()["log_likelihood"])

    @property
    def concordance_(self) -> float:
        """The part of comparable pairs in the right order; equal scores count half."""
        return float(self._ready()["concordance"])

    @property
    def means_(self) -> dict[str, float]:
        """The covariates' means, at which the baseline stands."""
        return dict(zip(self._names, self._ready()["mean"].tolist(), strict=True))

    @property
    def summary_(self) -> Table:
        """Coefficients with their intervals, a row a column."""
        from statistics import NormalDist

        value = self._ready()["coefficient"]
        error = np.array(list(self.standard_errors_.values()))
        half = NormalDist().inv_cdf(0.5 + self.confidence / 2) * error
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = value / error
            return Table(
                {
                    "column": np.array(self._names, dtype=object),
                    "coefficient": value,
                    "hazard_ratio": np.exp(value),
                    "low": np.exp(value - half),
                    "high": np.exp(value + half),
                    "se": error,
                    "z": z,
                    "p_value": np.array([_normal_tail(one) for one in z]),
                }
            )

    @property
    def baseline_(self) -> Table:
        """The cumulative hazard and the survival at the covariates' means."""
        found = self._ready()
        columns: dict[str, Any] = {
            "time": found["baseline_time"],
            "cumulative_hazard": found["baseline_hazard"],
            "survival": np.exp(-found["baseline_hazard"]),
        }
        if self._strata is None:
            return Table(columns)
        labels = np.array(self._strata)
        labels = labels.astype(object) if labels.dtype.kind in "US" else labels
        return Table({"stratum": labels[found["baseline_stratum"]], **columns})

    def predict_partial_hazard(self, X: Any, offset: Any = None) -> Values:
        """exp((x − means)·β) of each row: its hazard over that of a row at the means."""
        return np.exp(self._linear(X, offset))

    def _linear(self, X: Any, offset: Any) -> Values:
        found = self._ready()
        matrix, _ = covariates(X, self._names)
        known = ~np.isnan(found["coefficient"])
        eta: Values = (matrix[:, known] - found["mean"][known]) @ found["coefficient"][known]
        return eta if offset is None else eta + one_column(offset, "offset", len(matrix))

    def predict_survival(self, X: Any, times: npt.ArrayLike, strata: Any = None, offset: Any = None) -> Values:
        """S(t | x), an array of shape (rows, times): exp(−H(t) exp((x − means)·β)).

        After the last event the baseline stays what it is there. With strata, ``strata`` names the one of each row.
        """
        found = self._ready()
        at = np.atleast_1d(np.asarray(times, dtype=np.float64))
        eta = self._linear(X, offset)
        code = np.zeros(len(eta), dtype=np.int64)
        if self._strata is not None:
            if strata is None:
                raise ValueError("this model has strata: name the one of each row by strata=")
            place = {label: row for row, label in enumerate(self._strata)}
            given = np.asarray(strata).tolist()
            if len(given) != len(eta) or any(label not in place for label in given):
                raise ValueError("strata holds one label a row, of those that were fitted")
            code = np.array([place[label] for label in given], dtype=np.int64)
        result = np.empty((len(eta), len(at)))
        for one in np.unique(code):
            own = found["baseline_stratum"] == one
            hazard = np.concatenate([[0.0], found["baseline_hazard"][own]])
            level = hazard[np.searchsorted(found["baseline_time"][own], at, side="right")]
            rows = code == one
            with np.errstate(over="ignore", invalid="ignore"):
                result[rows] = np.where(level > 0, np.exp(-level * np.exp(eta[rows])[:, None]), 1.0)
        return result

    def test_proportionality(
        self,
        X: Any,
        durations: Any,
        events: Any,
        start: Any = None,
        strata: Any = None,
        *,
        weights: Any = None,
        offset: Any = None,
        time: str = "km",
        threads: int = 0,
    ) -> Table:
        """Whether the hazard ratio of a column changes with time (Grambsch and Therneau 1994), a score test.

        The model says that it does not. Where a p-value is small, :meth:`schoenfeld_residuals` show how it changes;
        strata, or stretches (start, stop] with a column that begins later, are ways out.

        Parameters
        ----------
        X, durations, events, start, strata, weights, offset, threads
            The rows of the fit.
        time
            The function of time that coefficients might follow: ``"km"``, 1 less the Kaplan-Meier curve just before
            (default); ``"rank"`` among all durations; ``"identity"``; ``"log"``.

        Returns
        -------
        Table
            ``column``, ``statistic`` (chi-squared), ``degrees_of_freedom``, ``p_value``: a row for each column (NaN
            where it has no coefficient), and a last row ``(all)`` for all together.

        Examples
        --------
        >>> X = {"complaints": [0, 2, 1, 0, 3, 1], "tenure": [5, 1, 4, 8, 2, 6]}
        >>> rows = {"X": X, "durations": [9, 3, 6, 10, 8, 4], "events": [1, 1, 1, 0, 1, 1]}
        >>> found = CoxPH().fit(**rows).test_proportionality(**rows)
        >>> found["column"].tolist(), found["p_value"].round(3).tolist()
        (['complaints', 'tenure', '(all)'], [0.605, 0.675, 0.872])
        """
        rows = self._rows_of_fit(X, durations, events, start, strata, weights, offset)
        found = _clavis.statistics.proportionality(
            rows, self._ready()["coefficient"], time=time, ties=self.ties, threads=threads
        )
        degrees = np.append(np.ones(len(self._names), dtype=np.int64), found["degrees"])
        return Table(
            {
                "column": np.array([*self._names, "(all)"], dtype=object),
                "statistic": np.append(found["statistic"], found["global_statistic"]),
                "degrees_of_freedom": degrees,
                "p_value": np.append(found["p_value"], found["global_p_value"]),
            }
        )

    def schoenfeld_residuals(
        self,
        X: Any,
        durations: Any,
        events: Any,
        start: Any = None,
        strata: Any = None,
        *,
        weights: Any = None,
        offset: Any = None,
        scaled: bool = False,
        threads: int = 0,
    ) -> Table:
        """What each event's covariates are above the mean of those at risk (Schoenfeld 1982).

        Parameters
        ----------
        X, durations, events, start, strata, weights, offset, threads
            The rows of the fit.
        scaled
            Multiplied by the covariance and the number of events, and added to the coefficients: the running mean over
            time is that of the coefficient (Grambsch and Therneau 1994).

        Returns
        -------
        Table
            A row for each event, by stratum and time: ``row`` (in the data), ``time``, and a column for each covariate.
        """
        found = self._ready()
        rows = self._rows_of_fit(X, durations, events, start, strata, weights, offset)
        taken = {"row", "time"}.intersection(self._names)
        if taken:
            raise ValueError(f"covariates called {' and '.join(sorted(taken))} leave no name for the residuals' own")
        row, residual = _clavis.statistics.schoenfeld(rows, found["coefficient"], ties=self.ties, threads=threads)
        residual = residual.reshape(len(row), len(self._names))
        if scaled:
            covariance = np.nan_to_num(found["covariance"])
            residual = residual @ covariance * len(row) + found["coefficient"]
        time = one_column(durations, "durations")[row].astype(np.float64)
        return Table({"row": row, "time": time, **dict(zip(self._names, residual.T, strict=True))})

    def _rows_of_fit(
        self, X: Any, durations: Any, events: Any, start: Any, strata: Any, weights: Any, offset: Any
    ) -> _clavis.statistics.CoxRows:
        found = self._ready()
        columns = None if isinstance(X, np.ndarray) or not hasattr(X, "__getitem__") else self._names
        rows, names, labels = cox_rows(X, durations, events, start, strata, None, weights, offset, columns)
        kept = len(np.asarray(durations)) if weights is None else int((np.asarray(weights) > 0).sum())
        if len(names) != len(self._names) or labels != self._strata or kept != found["rows"]:
            raise ValueError(
                "these are not the rows that the model was fitted to: their number, columns or strata differ"
            )
        return rows

    def __repr__(self) -> str:
        if self._found is None:
            return f"CoxPH(ties={self.ties!r})"
        return f"CoxPH(ties={self.ties!r}), concordance {self.concordance_:.4f}\n{self.summary_}\n{self.report_}"


class WeibullAFT:
    """Accelerated failure time: ln T = intercept + x·β + scale · W, T a Weibull duration.

    A coefficient is the logarithm of the factor by which one unit of its column lengthens durations.

    Attributes
    ----------
    params_ : dict
        ``intercept`` and a coefficient for each column; NaN where one cannot be known.
    scale_ : float
        Below 1 the hazard rises with time, at 1 it is constant (exponential), above it falls.
    standard_errors_ : dict
        Of ``params_``, and of the logarithm of the scale (``log_scale``), from the exact information.
    log_likelihood_ : float
        Of durations (not their logarithms).
    converged_, status_, warnings_
        How the fit ended.

    Examples
    --------
    >>> model = WeibullAFT().fit({"complaints": [0, 2, 1, 0, 3, 1]}, [9, 3, 6, 10, 2, 4], [1, 1, 1, 0, 1, 1])
    >>> round(model.params_["complaints"], 4), round(model.scale_, 4)
    (-0.5489, 0.1049)
    """

    def __init__(self) -> None:
        self._found: dict[str, Any] | None = None
        self._names: list[str] = []

    def fit(
        self, X: Any, durations: Any, events: Any, *, weights: Any = None, columns: Sequence[str] | None = None
    ) -> WeibullAFT:
        """Maximise the likelihood; the arguments are those of :meth:`CoxPH.fit`, durations above 0.

        ``X`` may be ``None``: a Weibull distribution for all.
        """
        if X is None:
            X = np.empty((len(one_column(durations, "durations")), 0))
        matrix, names, duration = with_covariates(X, durations, columns)
        size = len(duration)
        self._found = _clavis.statistics.weibull_aft(
            matrix, names, duration, truths(events, size), weights=numbers(weights, "weights", size)
        )
        self._names = names
        return self

    def _ready(self) -> dict[str, Any]:
        if self._found is None:
            raise ValueError("this WeibullAFT is not fitted yet: call fit first")
        return self._found

    @property
    def params_(self) -> dict[str, float]:
        """Intercept and coefficients."""
        found = self._ready()
        return {
            "intercept": float(found["intercept"]),
            **dict(zip(self._names, found["coefficient"].tolist(), strict=True)),
        }

    @property
    def scale_(self) -> float:
        """The scale of the logarithm of durations."""
        return float(self._ready()["scale"])

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Of ``params_`` and of ``log_scale``."""
        errors = np.sqrt(np.diag(self._ready()["covariance"])).tolist()
        return dict(zip(["intercept", *self._names, "log_scale"], errors, strict=True))

    @property
    def log_likelihood_(self) -> float:
        """At the estimate."""
        return float(self._ready()["log_likelihood"])

    @property
    def converged_(self) -> bool:
        """Whether the search ended at the maximum."""
        return bool(self._ready()["converged"])

    @property
    def status_(self) -> str:
        """How the search ended."""
        return str(self._ready()["status"])

    @property
    def warnings_(self) -> list[str]:
        """What cannot be known from these rows."""
        return list(self._ready()["warnings"])

    def _location(self, X: Any, rows: int) -> Values:
        found = self._ready()
        if not self._names:
            return np.full(rows if X is None else len(X), found["intercept"])
        matrix, _ = covariates(X, self._names)
        known = ~np.isnan(found["coefficient"])
        location: Values = found["intercept"] + matrix[:, known] @ found["coefficient"][known]
        return location

    def predict_median(self, X: Any) -> Values:
        """The duration that half of such rows outlast."""
        return np.exp(self._location(X, 1) + self.scale_ * math.log(math.log(2)))

    def predict_survival(self, X: Any, times: npt.ArrayLike) -> Values:
        """S(t | x), an array of shape (rows, times)."""
        at = np.atleast_1d(np.asarray(times, dtype=np.float64))
        with np.errstate(divide="ignore", over="ignore"):
            z = (np.log(at) - self._location(X, 1)[:, None]) / self.scale_
            return np.exp(-np.exp(z))

    def __repr__(self) -> str:
        if self._found is None:
            return "WeibullAFT()"
        errors = self.standard_errors_
        lines = [f"  {name}: {value:.6g} (se {errors[name]:.3g})" for name, value in self.params_.items()]
        shown = [f"  warning: {text}" for text in self.warnings_]
        head = f"WeibullAFT: {self.status_}, scale {self.scale_:.6g}, log-likelihood {self.log_likelihood_:.6f}"
        return "\n".join([head, *lines, *shown])
