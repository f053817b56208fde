"""Whether what customers say they spend with all suppliers holds what they spent here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis
from clavis.quality import Refusal

if TYPE_CHECKING:
    from clavis.book import CustomerBook

__all__ = ["below_own_spend", "days_of_period", "reader"]

_PERIOD = re.compile(r"(\d{4})(?:-?(?:Q([1-4])|H([12])|(0[1-9]|1[0-2])))?")
_LISTED = 1000
_EXAMPLES = 5


def days_of_period(period: str) -> tuple[int, int] | None:
    """First day and the day after the last, from 1970-01-01, of ``2024``, ``2024-H1``, ``2024-Q1`` or ``2024-01``."""
    found = _PERIOD.fullmatch(period.strip())
    if found is None:
        return None
    year, quarter, half, month = (int(part) if part else None for part in found.groups())
    assert year is not None
    first, months = 0, 12
    if quarter is not None:
        first, months = 3 * (quarter - 1), 3
    elif half is not None:
        first, months = 6 * (half - 1), 6
    elif month is not None:
        first, months = month - 1, 1
    begin = np.datetime64(year - 1970, "Y").astype("datetime64[M]") + first
    days = np.array([begin, begin + months]).astype("datetime64[D]").astype(np.int64)
    return int(days[0]), int(days[1])


def reader(book: CustomerBook) -> _clavis.ledger.TableCheck | None:
    """What keeps the rows of the wallet, where they say what is spent in all."""
    if "category_spend" not in book.names("wallet"):
        return None
    return _clavis.ledger.TableCheck("wallet", refuse=True, keep=True, time_zone="", threads=0)


def below_own_spend(wallet: _clavis.ledger.TableCheck, history: _clavis.ledger.History, column: str) -> list[Refusal]:
    """Rows whose amount with all suppliers is below what the customer spent here in that period.

    Sums are net of returns. The first and the last day of the period may belong to its neighbours in another time zone:
    a row is told only if it falls short of the sum with them and of the sum without them.
    """
    rows, numbers = wallet.rows(), wallet.row_numbers()
    if not len(numbers) or "category_spend" not in rows:
        return []
    ids, offsets = history.customer_id, history.offsets
    customers = np.asarray(rows["customer_id"])
    if (ids.dtype.kind == "O") != (customers.dtype.kind == "O"):
        return []
    place = np.minimum(np.searchsorted(ids, customers), len(ids) - 1)
    known = ids[place] == customers
    # One key a customer and day, ascending: sums over any span are differences of running sums.
    owner = np.repeat(np.arange(len(ids)), np.diff(offsets))
    day = history.day.astype(np.int64)
    base, span = (int(day.min()), int(day.max() - day.min()) + 2) if len(day) else (0, 2)
    keys = owner * span + (day - base)
    running = np.concatenate([[0], np.cumsum(history.sales - history.returns)])
    scale = 10.0**history.amount_scale

    def spent(customer: npt.NDArray[Any], begin: npt.NDArray[Any], end: npt.NDArray[Any]) -> npt.NDArray[Any]:
        low, high = (np.clip(days - base, 0, span - 1) + customer * span for days in (begin, end))
        sums = running[np.searchsorted(keys, np.maximum(low, high))] - running[np.searchsorted(keys, low)]
        return np.asarray(sums / scale)

    texts, codes = np.unique(rows["period"].astype(str), return_inverse=True)
    spans = [days_of_period(text) for text in texts]
    begin, end = (np.array([pair[i] if pair else 0 for pair in spans], dtype=np.int64)[codes] for i in (0, 1))
    own = np.minimum(spent(place, begin, end), spent(place, begin + 1, end - 1))
    told = np.asarray(rows["category_spend"], dtype=np.float64)
    # Half a cent for what is said in rounded numbers.
    short = known & (end > begin) & (told < own - 0.005)
    if not short.any():
        return []
    values = [f"{value:g}" for value in told[short]]
    return [
        Refusal(
            column,
            "is less than what was spent here",
            int(short.sum()),
            numbers[short][:_LISTED].tolist(),
            values[:_LISTED],
            sorted(set(values))[:_EXAMPLES],
        )
    ]
