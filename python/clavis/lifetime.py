"""What customers are worth ahead: models of repeat purchases and of spend, and lifetime value from both."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _time
from clavis._estimator import (
    Estimator,
    FitReport,
    Horizon,
    Prior,
    Progress,
    PurchaseModel,
    Self,
    Values,
    is_number,
    priors_of,
    rows_of,
    warn_infinite,
)
from clavis.summary import Summary
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
    "ParetoGGG",
    "ParetoNBD",
    "lifetime_value",
]

# Draws of the posterior that an interval takes in turn.
_PARAMETER_DRAWS = 200


class BetaGeoNBD(PurchaseModel):
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


class ModifiedBetaGeoNBD(PurchaseModel):
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


class BetaGeoCNBD(PurchaseModel):
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
        if k is not None and not (is_number(k) and 1 <= k <= 48 and float(k).is_integer()):
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


class ParetoNBD(PurchaseModel):
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
    >>> round(m.expected_purchases_new_customer("52 weeks"), 3)
    1.473
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


class ParetoGGG(PurchaseModel):
    """Pareto/GGG (Platzer and Reutterer 2016): Pareto/NBD for customers who differ in how regularly they buy.

    The gaps between purchases of a customer are Gamma(k, k λ), of mean 1 / λ and coefficient of variation 1 / √k, with
    k ~ Gamma(t, γ) and λ ~ Gamma(r, α); the customer leaves at a rate μ ~ Gamma(s, β). One customer's silence may so
    be long by that customer's own rhythm. Where customers do not differ in regularity, t and γ grow without bound and
    only t / γ is known; with t / γ = 1 it is Pareto/NBD.

    A fit, by maximum likelihood, needs the column ``log_gap_sum`` (the sum of the logarithms of the gaps, in the unit
    of ``recency``; :func:`summarize` gives it), unless ``t`` and ``gamma`` are held. Predictions use it where it is
    there. A row in which it is missing, or minus infinity because two purchases came at the same time, is taken for
    what its other columns tell.

    Parameters
    ----------
    t, gamma, r, alpha, s, beta
        All given: ready to use. Some given: held fixed in :meth:`fit`.
    unit
        The unit of ``alpha`` and ``beta``, as in :class:`BetaGeoNBD`.

    Examples
    --------
    >>> m = ParetoGGG(t=4, gamma=2, r=0.553, alpha=10.578, s=0.606, beta=11.669, unit="week")
    >>> round(m.expected_purchases_new_customer("52 weeks"), 3)
    1.366
    """

    _core_type = _clavis.lifetime.ParetoGGG
    _endless = "s <= 1, or t <= 1 for a new customer"

    def __init__(
        self,
        t: float | None = None,
        gamma: float | None = None,
        r: float | None = None,
        alpha: float | None = None,
        s: float | None = None,
        beta: float | None = None,
        *,
        unit: _time.Duration | None = None,
    ) -> None:
        super().__init__(t=t, gamma=gamma, r=r, alpha=alpha, s=s, beta=beta, unit=unit)


class GammaGompertzNBD(PurchaseModel):
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


class NBD(PurchaseModel):
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


class GammaGamma(Estimator):
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

    def fit(
        self: Self,
        summary: Any,
        *,
        prior: Prior | None = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Fit by maximum likelihood, or maximum a posteriori, to the rows with repeat purchases.

        Parameters
        ----------
        summary
            A :class:`Summary`, or any table with columns ``frequency`` and ``monetary_value`` (and ``weights``).
            Customers whose repeat purchases net to zero or less are outside this model: they are left out, and
            counted in a warning.
        prior
            As in :meth:`BetaGeoNBD.fit`; ``gamma`` is divided by the mean amount of the rows.
        threads, progress
            As in :meth:`BetaGeoNBD.fit`.
        """
        rows, _ = rows_of(summary, spend=True)
        self._core, report = self._core_type.fit(rows, self._fixed(), threads, progress, priors_of(prior))
        self._report = FitReport(**report)
        self._remember(rows)
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
        rows, _ = rows_of(summary, spend=True)
        result: Values = self._ready().expected_spend(rows, threads)
        warn_infinite(result, "the mean spend is infinite where p x + q <= 1")
        return result

    def log_likelihood(self, summary: Any, *, threads: int = 0) -> Values:
        """Log-likelihood of each row's mean amount; 0 for rows without repeat purchase."""
        rows, _ = rows_of(summary, spend=True)
        result: Values = self._ready().log_likelihood(rows, threads)
        return result


def lifetime_value(
    model: PurchaseModel,
    spend: GammaGamma | npt.ArrayLike,
    summary: Any,
    *,
    horizon: Horizon | None,
    annual_rate: float,
    margin: float = 1.0,
    interval: float | None = None,
    kind: Literal["realised", "mean"] = "realised",
    draws: int = 1000,
    seed: int = 1,
    threads: int = 0,
) -> Table:
    """Value ahead of each customer: margin × expected spend × discounted expected purchases.

    Only what is still to come counts, and spend is taken to be independent of how often a customer buys.

    Parameters
    ----------
    model
        A fitted model of repeat purchases; under a model of contracts a renewal is the purchase.
    spend
        A fitted model of spend, or the amount of a purchase: one for all, or one a row.
    summary
        A :class:`Summary`, or any table with ``frequency``, ``recency``, ``T`` and, for a model of spend,
        ``monetary_value``.
    horizon
        Text, a timedelta or a number in the unit of the model; ``None`` for the whole future.
    annual_rate
        Effective discount rate: 0.1 is 10 % a year of 365.25 days.
    margin
        The part of an amount that is kept.
    interval
        A level such as 0.9 adds the columns ``low`` and ``high``.
    kind
        What the interval is of. ``"realised"``: the discounted sum that will be seen, in which the customer's own rate,
        chance to leave and usual spend, what chance makes of them, and the parameters of models that were fitted are
        all uncertain. Where no purchase at all is likelier than a tail, ``low`` is 0 and all of 1 − ``interval`` lies
        above. ``"mean"``: the expectation ``value``, whose only uncertainty are the parameters.
    draws, seed
        Of the futures drawn for each row; the numbers depend on the seed and the row's values alone.
    threads
        0: every core.

    Returns
    -------
    Table
        ``customer_id`` and ``value`` (and ``low``, ``high``), in the order of the summary. NaN where the spend model
        does not cover a customer (repeat purchases net to zero or less) or the customer never bought.

    Raises
    ------
    ValueError
        If ``interval`` is no chance between 0 and 1, or an interval of realised values is asked for over an endless
        horizon without a positive rate.
    """
    purchases: Any = model
    given: Any = spend
    if not isinstance(purchases, PurchaseModel) or isinstance(given, (PurchaseModel, Summary, str)):
        raise TypeError("lifetime_value takes a model of purchases, a GammaGamma and a summary, in this order")
    if kind not in ("realised", "mean"):
        raise ValueError(f'kind must be "realised" or "mean", not {kind!r}')
    rows, ids = model._rows(summary)
    span = model._span(math.inf if horizon is None else horizon, "horizon", rows.unit)
    amounts = np.empty(0)
    if not isinstance(spend, GammaGamma):
        amounts = np.asarray(spend, dtype=np.float64)
        if amounts.shape not in ((), (len(rows),)):
            raise ValueError(f"spend must be one amount or {len(rows)} of them, not an array of shape {amounts.shape}")
        amounts = np.ascontiguousarray(np.broadcast_to(amounts, (len(rows),)))
    spends = [spend._ready()] if isinstance(spend, GammaGamma) else []
    terms = (amounts, rows, *span, float(annual_rate), float(margin))
    value: Values = model._ready().lifetime_value(spends, *terms, threads)
    columns = {"customer_id": np.arange(len(rows)) if ids is None else ids, "value": value}
    if interval is not None:
        models = model._drawn(_PARAMETER_DRAWS, seed, threads)
        if isinstance(spend, GammaGamma):
            spends = spend._drawn(_PARAMETER_DRAWS, seed + 1, threads)
        columns["low"], columns["high"] = model._core_type.value_interval(
            models, spends, *terms, float(interval), kind == "realised", int(draws), int(seed), threads
        )
    warn_infinite(value, "the mean spend or the mean number of purchases does not exist")
    return Table(columns)
