"""Tables of rates of exchange."""

from __future__ import annotations

from typing import Any

from clavis import _clavis, _input

__all__ = ["read"]

_ROLES = {"currency": "currency", "rate": "rate", "date": "date"}


def read(table: Any, reporting_currency: str | None) -> _clavis.ledger.Rates | None:
    """The rates of a table with ``currency``, ``rate`` and perhaps ``date``, checked; ``None`` for no table."""
    if table is None:
        if reporting_currency is not None:
            raise ValueError("reporting_currency: there is no table of rates to convert amounts by: give rates")
        return None
    if reporting_currency is None:
        raise ValueError("rates: say in reporting_currency what they convert to")
    batches = list(_input.batches(table, _ROLES, "rates", optional=("date",)))
    return _clavis.ledger.Rates(batches, reporting_currency, "rates")
