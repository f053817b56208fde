"""Lists one can trust, out of many customers judged at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis

__all__ = ["AdaptiveLevel", "ConformalScores", "IsotonicCalibration", "false_discovery_levels"]

Reals = npt.NDArray[np.float64]


def false_discovery_levels(values: npt.ArrayLike, rule: str = "bh") -> Reals:
    """For each of many hypotheses the smallest q at which it enters the list.

    Of the rows whose level is at most q, the share that does not belong there is at most q in expectation.

    Parameters
    ----------
    values
        p-values, or for ``"e-bh"`` e-values: at least 0, with mean at most 1 where nothing changed. NaN is no
        hypothesis and stays NaN.
    rule
        ``"bh"`` (Benjamini and Hochberg 1995: independent or positively dependent p-values), ``"by"`` (Benjamini and
        Yekutieli 2001: any dependence) or ``"e-bh"`` (Wang and Ramdas 2022: any dependence).

    Returns
    -------
    array
        One level per value.

    Raises
    ------
    ValueError
        If the rule is not known or a value is neither a p-value nor an e-value.

    Examples
    --------
    >>> false_discovery_levels([0.001, 0.02, 0.03, 0.8]).round(3).tolist()
    [0.004, 0.04, 0.04, 0.8]
    >>> false_discovery_levels([1000, 30, 0.5], rule="e-bh").round(3).tolist()
    [0.003, 0.05, 1.0]
    """
    return _clavis.statistics.discovery_levels(np.asarray(values, dtype=np.float64).ravel(), rule)


class ConformalScores:
    """p-values of any score, from the scores of customers of whom it is known that nothing changed.

    Within a stratum (say tenths of the rate by tenure) the p-value of a score is its rank among those learned: where a
    customer is like them in all but order, it is at most p with probability at most p, whatever the score means
    (Vovk, Gammerman and Shafer 2005).

    Examples
    --------
    >>> known = ConformalScores().add([1.0, 2.0, 3.0, 4.0])
    >>> known.p_values([3.5, 9.0, 0.0]).tolist()
    [0.4, 0.2, 1.0]
    """

    def __init__(self) -> None:
        self._state = _clavis.statistics.ConformalScores()

    def add(self, scores: npt.ArrayLike, strata: npt.ArrayLike | None = None) -> ConformalScores:
        """Learn scores, with whole numbers for their strata; NaN is left out and counted in ``missing_``."""
        self._state.add(*_stratified(scores, strata))
        return self

    def merge(self, other: ConformalScores) -> ConformalScores:
        """Learn what another has learned."""
        self._state.merge(other._state)
        return self

    def p_values(self, scores: npt.ArrayLike, strata: npt.ArrayLike | None = None) -> Reals:
        """One p-value per score; 1 in a stratum without scores, NaN for NaN."""
        return self._state.p_values(*_stratified(scores, strata))

    def size(self, stratum: int = 0) -> int:
        """How many scores were learned of a stratum; p-values are no finer than ``1 / (size + 1)``."""
        return self._state.size(stratum)

    @property
    def missing_(self) -> int:
        """Scores left out."""
        return self._state.missing


class AdaptiveLevel:
    """A level that keeps the share of errors at its target while the world drifts (Gibbs and Candès 2021).

    Parameters
    ----------
    target
        The share of errors wanted.
    step
        How far the level moves for an error share of one above the target.

    Attributes
    ----------
    level : float
        What to use next: list what has a p-value of at most this.

    Examples
    --------
    >>> level = AdaptiveLevel(0.10)
    >>> round(level.update(0.30), 4)
    0.099
    """

    def __init__(self, target: float = 0.10, step: float = 0.005) -> None:
        for name, value in (("target", target), ("step", step)):
            if not 0 <= value <= 1:
                raise _clavis.InputError(f"{name} must lie in [0, 1], not {value}")
        self.target, self.step, self.level = float(target), float(step), float(target)

    def update(self, errors: float) -> float:
        """Take in the share of the decisions since the last call that turned out to be errors; the new level."""
        if not 0 <= errors <= 1:
            raise _clavis.InputError(f"a share of errors must lie in [0, 1], not {errors}")
        self.level = min(1.0, max(0.0, self.level + self.step * (self.target - errors)))
        return self.level


class IsotonicCalibration:
    """What a stated probability has meant: the share that came true, monotone in what was stated.

    Learns counts in equal bins, so that states of different shards merge exactly.

    Parameters
    ----------
    bins
        How many equal parts of [0, 1] are counted apart.

    Examples
    --------
    >>> stated = np.repeat([0.2, 0.8], 100)
    >>> came = np.concatenate([np.arange(100) < 10, np.arange(100) < 50])
    >>> IsotonicCalibration().add(stated, came)([0.2, 0.8]).round(2).tolist()
    [0.1, 0.5]
    """

    def __init__(self, bins: int = 200) -> None:
        self._state = _clavis.statistics.IsotonicCalibration(bins)

    def add(self, probability: npt.ArrayLike, happened: npt.ArrayLike) -> IsotonicCalibration:
        """Learn what was stated and whether it came true; NaN is left out."""
        self._state.add(
            np.asarray(probability, dtype=np.float64).ravel(), np.asarray(happened).astype(np.int64).ravel()
        )
        return self

    def merge(self, other: IsotonicCalibration) -> IsotonicCalibration:
        """Learn what another, of as many bins, has learned."""
        self._state.merge(other._state)
        return self

    def __call__(self, probability: npt.ArrayLike) -> Reals:
        """The share that came true where such probabilities were stated; themselves where nothing was learned."""
        return self._state.apply(np.asarray(probability, dtype=np.float64).ravel())

    @property
    def count_(self) -> int:
        """How many pairs were learned."""
        return self._state.count


def _stratified(scores: npt.ArrayLike, strata: npt.ArrayLike | None) -> tuple[Any, Any]:
    values = np.asarray(scores, dtype=np.float64).ravel()
    return values, np.zeros(len(values), np.int64) if strata is None else np.asarray(strata).astype(np.int64).ravel()
