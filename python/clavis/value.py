"""Who matters: recency, frequency, monetary value, segments drawn on them, and how few bring how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input
from clavis._texts import TextTable
from clavis.summary import Summary

__all__ = ["Concentration", "RfmTable", "SegmentMap", "concentration", "rfm"]

#: One score, the lowest and highest score, or None for any.
Scores = int | tuple[int, int] | None
_AXES = ("r", "f", "m")
_COLUMNS = ("recency", "frequency", "monetary")


class SegmentMap:
    """Names for the cells of an RFM table: boxes read from top to bottom, the first that holds a customer names them.

    Parameters
    ----------
    boxes
        Lines ``(name, r, f, m)``, or a mapping from a name to ``(r, f, m)``; each of the three is one score, a pair
        ``(lowest, highest)``, both included, or ``None`` for any score. A name may stand on several lines.
    bins
        Scores go from 1 to ``bins``.

    Raises
    ------
    ValueError
        If a line has no name, or its scores do not lie within 1 to ``bins``.

    Examples
    --------
    >>> map = SegmentMap([("best", 3, 3, 3), ("lost", 1, None, None), ("others", None, None, None)], bins=3)
    >>> map.names
    ['best', 'lost', 'others']
    >>> map.check()["uncovered"]
    []
    """

    def __init__(
        self, boxes: Iterable[tuple[str, Scores, Scores, Scores]] | Mapping[str, Sequence[Scores]], bins: int = 5
    ) -> None:
        lines = [(name, *box) for name, box in boxes.items()] if isinstance(boxes, Mapping) else list(boxes)
        flat = []
        for line in lines:
            if len(line) != 4:
                raise ValueError(f"a line of a segment map is a name and three scores, not {line!r}")
            name, r, f, m = line
            flat.append((str(name), *_range(r, bins), *_range(f, bins), *_range(m, bins)))
        self._map = _clavis.value.SegmentMap(flat, bins)

    @classmethod
    def standard(cls, bins: int = 5) -> SegmentMap:
        """Ten usual segments that leave no cell open: champions, loyal, potential loyalists, new, promising, needs
        attention, about to sleep, cannot lose, at risk, hibernating. They are drawn on five scores; for another number
        each score is taken for the fifth in which its middle lies."""
        return cls._from_core(_clavis.value.SegmentMap.standard(bins))

    @classmethod
    def _from_core(cls, core: _clavis.value.SegmentMap) -> SegmentMap:
        result = cls.__new__(cls)
        result._map = core
        return result

    @property
    def bins(self) -> int:
        """The highest score."""
        return self._map.bins

    @property
    def names(self) -> list[str]:
        """The distinct names, in the order of their first line."""
        return self._map.names

    @property
    def boxes(self) -> list[tuple[str, tuple[int, int], tuple[int, int], tuple[int, int]]]:
        """The lines: a name, and lowest and highest score on each axis."""
        return [(name, (r0, r1), (f0, f1), (m0, m1)) for name, r0, r1, f0, f1, m0, m1 in self._map.boxes]

    def renamed(self, names: Mapping[str, str]) -> SegmentMap:
        """The same map with segments called otherwise: old name to new."""
        result = self._map
        for old, new in names.items():
            result = result.renamed(old, new)
        return self._from_core(result)

    def check(self) -> dict[str, list[Any]]:
        """What the map leaves open: ``uncovered`` cells (r, f, m), ``shadowed`` lines that no cell reaches (counted
        from 0), and ``dead`` names that nobody can get."""
        uncovered, shadowed, dead = self._map.check()
        return {"uncovered": [tuple(cell) for cell in uncovered], "shadowed": shadowed, "dead": dead}

    def __repr__(self) -> str:
        lines = [
            f"  {name}: " + ", ".join(f"{axis} {low}" if low == high else f"{axis} {low} to {high}"
                                      for axis, (low, high) in zip(_AXES, ranges, strict=True))
            for name, *ranges in self.boxes
        ]  # fmt: skip
        return "\n".join([f"SegmentMap on {self.bins} scores", *lines])


def _range(scores: Scores, bins: int) -> tuple[int, int]:
    if scores is None:
        return 1, bins
    if isinstance(scores, (int, np.integer)):
        return int(scores), int(scores)
    low, high = scores
    return int(low), int(high)


class RfmTable(TextTable):
    """What :func:`rfm` returns: the scores, and how they came about.

    Attributes
    ----------
    breaks : dict of str to array
        The breaks of each axis (``"r"`` in days, ``"f"``, ``"m"``); ``rfm(..., breaks=t.breaks)`` uses them again.
        Empty with ``rule="midrank"``.
    missing : dict of str to int
        Customers without a value on each axis; they score 1.
    degenerate : dict of str to bool
        Whether an axis has fewer distinct values than scores.
    empty_bins : dict of str to int
        How many scores nobody gets.
    notes : list of str
        What a careful reader wants to know, one sentence each.
    """

    breaks: dict[str, npt.NDArray[np.float64]]
    missing: dict[str, int]
    degenerate: dict[str, bool]
    empty_bins: dict[str, int]
    notes: list[str]


def rfm(
    s: Any,
    bins: int = 5,
    *,
    rule: str = "low",
    breaks: str | Mapping[str, npt.ArrayLike] = "quantile",
    quantile_type: int = 7,
    nested: bool = False,
    nested_minimum: int | None = None,
    combine: str = "digits",
    segments: SegmentMap | None = None,
    recency: str | None = None,
    frequency: str | None = None,
    monetary: str | None = None,
    weights: str | None = None,
    customer: str = "customer_id",
    threads: int = 0,
) -> RfmTable:
    """Score customers by recency, frequency and monetary value, each from 1 to ``bins`` (best).

    Equal values always score equally, and scores do not change with unit, currency, the order of rows or any strictly
    increasing map of a column: values are compared with order statistics, never with a rounded break between two.

    Parameters
    ----------
    s
        A :class:`Summary`, or any table. From a summary come the days since the last purchase (``last_day``, or
        ``T`` − ``recency``), ``orders`` (or ``frequency``) and ``net_amount`` (or ``monetary_value``). A table with a
        column ``T`` is read like a summary; in any other, ``recency`` is the time since the last purchase, and
        ``monetary`` may stand for ``net_amount``.
    bins
        The highest score, 1 to 100.
    rule
        ``"low"``: one more than the number of breaks below a value, so a value on a break scores low (as
        ``pandas.qcut``); recency is scored the other way round, where a tie takes the better score. ``"high"``: breaks
        at or below the value count. ``"midrank"``: without breaks, ⌈bins · (number below + half the equal ones) / n⌉.
    breaks
        ``"quantile"``; ``"weighted"``: quantiles weighted by ``weights``, or by the amounts, so that scores hold equal
        sums; or given breaks, ``{"r": …, "f": …, "m": …}``, each of ``bins`` − 1 ascending numbers, for example those
        of an earlier result.
    quantile_type
        1 to 9 of Hyndman and Fan (1996).
    nested, nested_minimum
        Score F among customers of one R, and M among those of one R and F. A group of fewer customers than
        ``nested_minimum`` (default 5 · ``bins``) takes the breaks of the group around it.
    combine
        ``"digits"``: ``score`` is r, f and m written one after the other, 100 r + 10 f + m up to nine bins; ``"mean"``:
        their mean.
    segments
        Default: :meth:`SegmentMap.standard`.
    recency, frequency, monetary, weights, customer
        Names of the columns, where they are not those above. A named ``recency`` is the time since the last purchase.
        Without a column ``customer``, ids are 0, 1, 2 …
    threads
        0: every core.

    Returns
    -------
    RfmTable
        Columns ``customer_id``, ``r``, ``f``, ``m``, ``score``, ``segment``, one row per row of ``s``. Customers who
        never bought score 1 on every axis and are counted in ``missing``.

    Raises
    ------
    ValueError
        If a column is missing or a value is impossible (named by column, row and value), or an option does not fit.

    Examples
    --------
    >>> table = {"customer_id": ["a", "b", "c"], "recency": [3, 40, 3], "frequency": [9, 1, 1], "monetary": [250, 2, 2]}
    >>> t = rfm(table, bins=3)
    >>> t["score"]
    array([333, 111, 311], dtype=int32)
    """
    if combine not in ("digits", "mean"):
        raise ValueError(f"combine is digits or mean, not {combine!r}")
    fixed = None
    if not isinstance(breaks, str):
        absent = [axis for axis in _AXES if axis not in breaks]
        if absent:
            raise ValueError(f"breaks: {', '.join(absent)} missing; given breaks are {{'r': …, 'f': …, 'm': …}}")
        fixed = [np.asarray(breaks[axis], dtype=np.float64).tolist() for axis in _AXES]
    options: dict[str, Any] = {
        "bins": bins,
        "rule": rule,
        "breaks": breaks if isinstance(breaks, str) else "fixed",
        "quantile_type": quantile_type,
        "fixed": fixed,
        "nested": nested,
        "nested_minimum": nested_minimum or 0,
        "segments": None if segments is None else segments._map,
        "threads": threads,
    }
    compact = None
    if isinstance(s, Summary) and (recency, frequency, monetary, weights, customer) == (*4 * [None], "customer_id"):
        compact = s._compact(("T", "last_day", "orders", "net_amount"))
    if compact is not None:
        ids = s._raw["customer_id"]
        found = _clavis.value.rfm_of_summary(compact, **options)
    else:
        ids, axes, weighing = _read(s, recency, frequency, monetary, weights, customer)
        if breaks == "weighted" and weighing is None:
            weighing = np.fmax(axes[2], 0.0)
        found = _clavis.value.rfm(*axes, weights=weighing, **options)
    scores = {axis: found[axis] for axis in _AXES}
    score = found["score"]
    if combine == "mean":
        score = sum(scores[axis].decoded() for axis in _AXES) / 3
    table = RfmTable({"customer_id": ids, **scores, "score": score, "segment": found["segment"]})
    reports = {axis: found[column] for axis, column in zip(_AXES, _COLUMNS, strict=True)}
    for fact in ("breaks", "missing", "degenerate", "empty_bins"):
        setattr(table, fact, {axis: report[fact] for axis, report in reports.items()})
    table.notes = found["notes"]
    return table


Numbers = npt.NDArray[np.float64]


def _read(
    s: Any, recency: str | None, frequency: str | None, monetary: str | None, weights: str | None, customer: str
) -> tuple[Any, list[Numbers], Numbers | None]:
    """Ids, the three axes, and weights where a column of them is named."""
    present = _input.column_names(s, "rfm")
    wanted = {"frequency": frequency or _first(present, ("orders", "frequency"), "frequency")}
    if monetary is not None:
        wanted["monetary"] = monetary
    elif not isinstance(s, Summary) or "net_amount" in present or "monetary_value" in present:
        wanted["monetary"] = _first(present, ("net_amount", "monetary", "monetary_value"), "monetary")
    wanted["recency"] = recency or "recency"
    like_summary = recency is None and "T" in present
    if like_summary:
        wanted["T"] = "T"
    if weights is not None:
        wanted["weights"] = weights
    known = isinstance(s, Summary) and customer in present
    labels = {"customer_id": customer} if customer in present and not known else {}
    found = _columns.read(s, wanted, labels, "rfm")
    size = len(found["frequency"])
    if like_summary:
        never = np.isnan(found["T"])
        if isinstance(s, Summary) and s.observed_until is not None and "last_day" in present:
            found["recency"] = (np.datetime64(s.observed_until, "D") - s["last_day"]).astype(np.float64)
        else:
            # Ages are whole days in some unit: rounding keeps equal days equal.
            found["recency"] = np.round(found["T"] - found["recency"], 6)
        for axis in _COLUMNS if never.any() else ():
            if axis in found:
                found[axis] = np.where(never, np.nan, found[axis])
    axes = [found[axis] if axis in found else np.full(size, np.nan) for axis in _COLUMNS]
    # The ids of a summary are known to be ids: they are passed on as they are.
    ids = s._raw[customer] if known else found.get("customer_id", np.arange(size))
    return ids, axes, found.get("weights")


def _first(present: Sequence[str], names: Sequence[str], fallback: str) -> str:
    return next((name for name in names if name in present), fallback)


class Concentration:
    """How unevenly a total is spread; made by :func:`concentration`.

    What divides by a total that is not positive is NaN.
    """

    def __init__(self, core: _clavis.value.Concentration) -> None:
        self._core = core

    @property
    def n(self) -> int:
        """How many values there are."""
        return self._core.size

    @property
    def total(self) -> float:
        """Their sum."""
        return self._core.total

    @property
    def negative(self) -> int:
        """How many are below 0."""
        return self._core.negative

    @property
    def gini(self) -> float:
        """Gini's index, Σ (2i − n − 1) x₍ᵢ₎ / (n Σ x); above 1 at times where values are negative."""
        return self._core.gini

    @property
    def gini_unbiased(self) -> float:
        """``gini`` · n / (n − 1)."""
        return self._core.gini_unbiased

    @property
    def gini_bounded(self) -> float:
        """``gini_unbiased`` with the sum of sizes below: within 0 and 1 for negative values too."""
        return self._core.gini_bounded

    @property
    def hhi(self) -> float:
        """Herfindahl's index, the sum of squared shares, 1/n to 1."""
        return self._core.hhi

    @property
    def hhi_normalized(self) -> float:
        """``hhi`` from 0 (all alike) to 1."""
        return self._core.hhi_normalized

    @property
    def effective_n(self) -> float:
        """1 / ``hhi``: how many equal ones would be as concentrated."""
        return self._core.effective_size

    def top_share(self, p: float, *, whole: bool = False) -> float:
        """The part of the total that the largest part ``p`` (0 to 1) holds, between two values in proportion; with
        ``whole`` that of the largest ⌈p n⌉."""
        if not 0 <= p <= 1:
            raise ValueError(f"a part lies between 0 and 1, not {p}")
        return self._core.top_share_whole(p) if whole else self._core.top_share(p)

    def holders_of(self, share: float) -> float:
        """The smallest part of all that holds this share of the total."""
        if not 0 <= share <= 1:
            raise ValueError(f"a share lies between 0 and 1, not {share}")
        return self._core.holders_of(share)

    def __repr__(self) -> str:
        return (
            f"Concentration(n={self.n}, gini={self.gini:.4f}, top_share(0.2)={self.top_share(0.2):.4f}, "
            f"hhi={self.hhi:.3g}, effective_n={self.effective_n:.1f})"
        )


def concentration(x: npt.ArrayLike) -> Concentration:
    """How unevenly a total is spread over those who make it up, such as sales over customers.

    Parameters
    ----------
    x
        One number each, shape (n,), in any order.

    Returns
    -------
    Concentration
        ``gini``, ``gini_unbiased``, ``gini_bounded``, ``hhi``, ``hhi_normalized``, ``effective_n``, ``top_share(p)``,
        ``holders_of(share)``.

    Raises
    ------
    ValueError
        If a value is missing or infinite (named by row).

    Examples
    --------
    >>> c = concentration([30, 30, 20, 20])
    >>> round(c.hhi, 12), round(c.top_share(0.5), 12)
    (0.26, 0.6)
    """
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"concentration takes a one-dimensional array, not {values.ndim} dimensions")
    return Concentration(_clavis.value.Concentration(values))
