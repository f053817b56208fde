"""Models of whole periods: purchases at discrete opportunities, and contracts that are renewed or lost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input, _time
from clavis._estimator import Horizon, PurchaseModel, Values
from clavis.summary import Summary

__all__ = ["BetaDiscreteWeibull", "BetaGeoBetaBinomial", "ShiftedBetaGeo", "contracts", "contracts_from_survivors"]


def contracts(
    T: npt.ArrayLike,
    churned: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    customer_id: npt.ArrayLike | None = None,
    unit: _time.Duration = "year",
) -> Summary:
    """Contracts as a summary, one row each, for :class:`ShiftedBetaGeo` and :class:`BetaDiscreteWeibull`.

    In the summary a renewal is a repeat purchase: ``T`` counts the renewals that have come due, ``frequency`` and
    ``recency`` those made; the contract was lost where ``recency`` is below ``T``.

    Parameters
    ----------
    T
        Tenure in whole periods. Of a contract that was lost, the number of the renewal that was not made: 1 for the
        first, so at least 1. Of the others, the renewals made so far.
    churned
        Whether the contract was lost.
    weights
        How many contracts each row stands for.
    customer_id
        Integers or text; 0, 1, 2 … where absent.
    unit
        The period of a contract: text or a timedelta.

    Raises
    ------
    ValueError
        If lengths differ, or a tenure is negative, not whole, or 0 for a lost contract (named by row and value).

    Notes
    -----
    Other packages count the first period as 1. Their ``recency`` and ``T`` (pymc-marketing: equal for active
    customers) become ``contracts(T=np.where(recency < T, recency, T - 1), churned=recency < T)``; a duration with an
    event observed (lifelines) is a tenure and ``churned`` as it stands.

    Examples
    --------
    >>> s = contracts(T=[1, 3, 3], churned=[True, True, False])
    >>> s.recency.tolist(), s.T.tolist()
    ([0.0, 2.0, 3.0], [1.0, 3.0, 3.0])
    """
    made, due = _renewals(np.asarray(T, dtype=np.float64), _truths(np.asarray(churned)))
    return Summary(frequency=made, recency=made, T=due, weights=weights, customer_id=customer_id, unit=unit)


def contracts_from_survivors(survivors: npt.ArrayLike, *, unit: _time.Duration = "year") -> Summary:
    """Contracts of a cohort from how many were left: a summary with weights.

    Parameters
    ----------
    survivors
        How many there were at the start, after the first renewal, after the second …; never rising.
    unit
        The period of a contract: text or a timedelta.

    Raises
    ------
    ValueError
        If there are fewer than two counts, or one is negative, missing or above the one before it.

    Examples
    --------
    >>> s = contracts_from_survivors([1000, 869, 743, 653])
    >>> s.weights.tolist()
    [131.0, 126.0, 90.0, 653.0]
    """
    counts = np.asarray(survivors, dtype=np.float64)
    if counts.ndim != 1 or len(counts) < 2:
        raise _clavis.InputError("survivors: one row of two counts or more is needed, the first being the start")
    good = (counts >= 0) & np.isfinite(counts)
    good[1:] &= counts[1:] <= counts[:-1]
    if not good.all():
        row = int(np.argmin(good))
        problem = "is above the count before it" if counts[row] >= 0 and row else "is not a count"
        raise _clavis.InputError(f'survivors, row {row}: "{counts[row]:g}" {problem}')
    last = len(counts) - 1
    tenure = np.append(np.arange(1, last + 1), last)
    lost = np.append(np.ones(last, dtype=bool), False)
    return contracts(tenure, lost, weights=np.append(counts[:-1] - counts[1:], counts[-1]), unit=unit)


def _truths(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if values.dtype.kind == "b":
        return values
    fitting = np.array([value in (0, 1) for value in values.ravel()], dtype=bool)
    if not fitting.all():
        row = int(np.argmin(fitting))
        raise _clavis.InputError(
            f'contracts, column "churned", row {row}: "{_shown(values[row])}" is not true or false'
        )
    return values.astype(bool)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _renewals(tenure: Values, lost: npt.NDArray[np.bool_]) -> tuple[Values, Values]:
    """Renewals made and due."""
    if tenure.shape != lost.shape or tenure.ndim != 1:
        raise _clavis.InputError(f"contracts: {tenure.size} values of T where churned has {lost.size}")
    problems = [
        (~(tenure >= 0) | np.isinf(tenure), "is not a number of periods"),
        (tenure != np.floor(tenure), "is not a whole number of periods"),
        (lost & (tenure < 1), "is below 1, although the contract was lost: the first renewal is number 1"),
    ]
    for bad, problem in problems:
        if bad.any():
            row = int(np.argmax(bad))
            raise _clavis.InputError(f'contracts, column "T", row {row}: "{tenure[row]:g}" {problem}')
    return tenure - lost, tenure


def _flags(table: Any) -> npt.NDArray[Any] | None:
    """The column of truth values, where it is one; the readers of tables take numbers only."""
    if not hasattr(table, "__getitem__"):
        return None
    values = np.asarray(table["churned"])
    return values if values.dtype.kind == "b" and values.ndim == 1 else None


class BetaGeoBetaBinomial(PurchaseModel):
    """BG/BB (Fader, Hardie and Shang 2010): one opportunity to buy a unit of time; before each the customer leaves with
    chance θ ~ Beta(γ, δ), and who is still there buys with chance p ~ Beta(α, β).

    Rows count opportunities: ``T`` those observed, ``recency`` the last one used, ``frequency`` how many were used, all
    whole. The donors of one year are a summary with ``unit="year"``; rows that stand for many carry ``weights``.

    ``probability_alive(s)`` is that of having stayed through opportunity T; the chance of being there for the next is
    ``probability_alive(s, 1)``. A horizon counts the opportunities within it, and one that falls short of an
    opportunity by less than a hundredth counts it: 365 days are a year.

    Parameters
    ----------
    alpha, beta, gamma, delta
        All given: ready to use. Some given: held fixed in :meth:`fit`.
    unit
        The time between opportunities: text or a timedelta. A fit takes the unit of its data.

    Examples
    --------
    >>> m = BetaGeoBetaBinomial(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783, unit="year")
    >>> round(m.expected_purchases_new_customer("10 years"), 3)
    3.179
    """

    _core_type = _clavis.lifetime.BetaGeoBetaBinomial
    _endless = "gamma <= 1"

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        gamma: float | None = None,
        delta: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(alpha=alpha, beta=beta, gamma=gamma, delta=delta, unit=unit)


class _ContractModel(PurchaseModel):
    """What models of contracts offer beyond those of purchases; a renewal is a purchase."""

    def _rows(self, summary: Any) -> tuple[_clavis.lifetime.Rows, Any]:
        if isinstance(summary, Summary):
            return super()._rows(summary)
        present = _input.column_names(summary, "contracts")
        if "churned" not in present:
            if "frequency" not in present:
                raise _clavis.InputError(
                    'contracts: there is neither a column "churned" beside T nor frequency, recency and T; the columns '
                    f"are {', '.join(present)}. clavis.contracts tells how other packages' tables are read"
                )
            return super()._rows(summary)
        _input.require_columns(present, {"T": "T"}, "contracts")
        flags = _flags(summary)
        wanted = ("T", "churned", "weights")
        numbers: dict[str, str] = {name: name for name in wanted if name in present}
        if flags is not None:
            del numbers["churned"]
        labels = {"customer_id": "customer_id"} if "customer_id" in present else {}
        columns = _columns.read(summary, numbers, labels, "contracts")
        made, due = _renewals(columns["T"], _truths(columns.pop("churned") if flags is None else flags))
        rows = {**columns, "frequency": made, "recency": made, "T": due}
        return super()._rows(rows)

    def survival(self, t: npt.ArrayLike) -> Any:
        """S(``t``), the part of a cohort that has made ``t`` renewals; an array for an array of whole numbers."""
        return self._curve(self._ready().survival_curve, t, 0)

    def retention_rate(self, t: npt.ArrayLike) -> Any:
        """S(``t``) / S(``t`` − 1), the part of those before renewal ``t`` who make it; ``t`` from 1 on."""
        return self._curve(self._ready().retention_rate, t, 1)

    @staticmethod
    def _curve(kernel: Any, t: npt.ArrayLike, first: int) -> Any:
        times = np.asarray(t, dtype=np.float64)
        fitting = (times >= first) & (times == np.floor(times)) & np.isfinite(times)
        if not fitting.all():
            raise _clavis.InputError(f"t: {times[~fitting][0]:g} is not a whole number of renewals from {first} on")
        values = np.array([kernel(value) for value in times.ravel()], dtype=np.float64)
        return float(values[0]) if times.ndim == 0 else values.reshape(times.shape)

    def expected_lifetime(self, annual_rate: float = 0.0, horizon: Horizon | None = None) -> float:
        """Expected number of periods of a new contract, the first included; discounted it is the usual DEL.

        Parameters
        ----------
        annual_rate
            Effective rate: each period counts at its start, discounted to the beginning of the first.
        horizon
            How many renewals ahead; ``None`` for all.
        """
        new = {"frequency": np.zeros(1, dtype=np.int32), "recency": np.zeros(1), "T": np.zeros(1)}
        return 1.0 + float(self.discounted_expected_purchases(new, annual_rate, horizon)[0])

    def discounted_expected_residual_lifetime(
        self, summary: Any, annual_rate: float, horizon: Horizon | None = None, *, threads: int = 0
    ) -> Values:
        """DERL (Fader and Hardie 2010) of each row: expected renewals, the next one due now and counted in full.

        A contract with T renewals made is about to decide on number T + 1; what comes after is discounted by
        ``annual_rate`` to that moment. It is (1 + d) times ``discounted_expected_purchases``, with d the rate per
        period; 0 for contracts that were lost.
        """
        rows, _ = self._rows(summary)
        ahead = self.discounted_expected_purchases(summary, annual_rate, horizon, threads=threads)
        unit = int(self._ready().unit or rows.unit)
        period = math.pow(1.0 + annual_rate, unit / _time.microseconds("year"))
        result: Values = ahead * period
        return result


class ShiftedBetaGeo(_ContractModel):
    """Shifted beta-geometric (Fader and Hardie 2007, 2010): at each renewal the customer leaves with chance θ ~ Beta(α,
    β), so that retention rates rise with tenure although nobody's chance changes.

    Parameters
    ----------
    alpha, beta
        Both given: ready to use. One given: held fixed in :meth:`fit`.
    unit
        The period of a contract: text or a timedelta. A fit takes the unit of its data.

    Notes
    -----
    :meth:`fit` and the predictions read what :func:`contracts` or :func:`contracts_from_survivors` make, any table
    with ``T`` and ``churned`` (and ``weights``) as :func:`contracts` describes them, or a summary whose ``frequency``
    and ``recency`` are the renewals made out of ``T``. Predictions of purchases are those of renewals.

    Examples
    --------
    >>> m = ShiftedBetaGeo().fit(contracts_from_survivors([1000, 869, 743, 653, 593, 551, 517, 491]))
    >>> {name: round(value, 3) for name, value in m.params_.items()}
    {'alpha': 0.668, 'beta': 3.806}
    >>> round(m.survival(12), 3)
    0.378
    """

    _core_type = _clavis.lifetime.ShiftedBetaGeo
    _endless = "alpha <= 1"

    def __init__(
        self, alpha: float | None = None, beta: float | None = None, *, unit: _time.Duration | None = None
    ) -> None:
        super().__init__(alpha=alpha, beta=beta, unit=unit)


class BetaDiscreteWeibull(_ContractModel):
    """Beta-discrete-Weibull (Fader, Hardie, Liu, Davin and Steenburgh 2018): :class:`ShiftedBetaGeo` with a customer's
    own chance of leaving rising (c > 1) or falling (c < 1) with tenure, S(t) = B(γ, δ + t^c) / B(γ, δ).

    Parameters
    ----------
    gamma, delta, c
        All given: ready to use. Some given: held fixed in :meth:`fit`; ``c=1`` is the shifted beta-geometric.
    unit
        As in :class:`ShiftedBetaGeo`, which tells what tables are read.
    """

    _core_type = _clavis.lifetime.BetaDiscreteWeibull
    _endless = "gamma c <= 1"

    def __init__(
        self,
        gamma: float | None = None,
        delta: float | None = None,
        c: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(gamma=gamma, delta=delta, c=c, unit=unit)
