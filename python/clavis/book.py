"""The customer book: every table of a company's records, with column names mapped once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clavis import _clavis, _input
from clavis.table import Table

if TYPE_CHECKING:
    from clavis.quality import Quality

__all__ = ["CustomerBook"]

#: The columns a table of each kind must have, and those it may have (docs/guide/records.md says what they mean).
SCHEMA: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "transactions": (
        ("customer_id", "time"),
        ("amount", "order_id", "kind", "currency", "quantity", "category", "event_id", "known_time", "product_line",
         "store", "margin", "cost", "discount", "due_time", "paid_time"),
    ),
    "customers": (("customer_id",), ("segment", "account_id", "owner", "acquired_by", "acquired_time", "birth_date")),
    "contacts": (
        ("customer_id", "time", "kind"),
        ("direction", "channel", "staff", "topic", "sentiment", "outcome", "responded_time", "resolved_time",
         "due_time", "text"),
    ),
    "surveys": (("customer_id", "time", "score"), ("scale", "text")),
    "wallet": (("customer_id", "period"), ("category_spend", "competitor_spend")),
    "life_events": (("customer_id", "time", "kind"), ()),
    "costs": ((), ("customer_id", "segment", "acquisition", "service", "retention", "time")),
    "referrals": (("referrer_id", "customer_id"), ("time",)),
    "campaigns": (("customer_id", "campaign", "time"), ("arm", "offer", "cost", "response")),
    "interviews": (("customer_id",), ("interviewer", "status", "time", "causes", "label")),
    "events": (("time", "kind"), ()),
    "targets": (("class", "metric", "period", "value"), ()),
}  # fmt: skip


class CustomerBook:
    """Every table of a company's records, accepted wherever a table of transactions is.

    Parameters
    ----------
    transactions, customers, contacts, surveys, wallet, life_events, costs, referrals, campaigns, interviews, events,
    targets
        Any tables. Only ``transactions`` is required; the others are held for the functions that need them.
    columns
        For each table, what the library calls a column to what the table calls it, where the two differ:
        ``{"transactions": {"customer_id": "CustomerID"}}``.
    truth
        What a simulation planted, one row per customer.

    Raises
    ------
    ValueError
        If a table lacks a required column, or ``columns`` names a table or column that does not exist.

    Examples
    --------
    >>> book = CustomerBook({"who": [1, 1, 2], "time": ["2024-01-01", "2024-01-15", "2024-01-08"]},
    ...                     columns={"transactions": {"customer_id": "who"}})
    >>> book.names("transactions")["customer_id"]
    'who'
    """

    def __init__(
        self,
        transactions: Any,
        customers: Any = None,
        contacts: Any = None,
        surveys: Any = None,
        wallet: Any = None,
        life_events: Any = None,
        costs: Any = None,
        referrals: Any = None,
        campaigns: Any = None,
        interviews: Any = None,
        events: Any = None,
        targets: Any = None,
        columns: Mapping[str, Mapping[str, str]] | None = None,
        *,
        truth: Table | None = None,
    ) -> None:
        given = {
            "transactions": transactions,
            "customers": customers,
            "contacts": contacts,
            "surveys": surveys,
            "wallet": wallet,
            "life_events": life_events,
            "costs": costs,
            "referrals": referrals,
            "campaigns": campaigns,
            "interviews": interviews,
            "events": events,
            "targets": targets,
        }
        self._tables = {name: table for name, table in given.items() if table is not None}
        self.truth = truth
        mapping = columns or {}
        for name in mapping:
            if name not in self._tables:
                raise ValueError(f'columns: there is no table "{name}" in this book')
        self._names = {name: _names(name, table, mapping.get(name, {})) for name, table in self._tables.items()}

    @property
    def tables(self) -> list[str]:
        """Which tables the book holds."""
        return list(self._tables)

    def __getattr__(self, name: str) -> Any:
        if name in SCHEMA:
            return self.__dict__["_tables"].get(name)
        raise AttributeError(f"a CustomerBook has no attribute {name!r}")

    def names(self, table: str) -> dict[str, str]:
        """What the library calls each known column of ``table``, to what the table calls it."""
        return dict(self._names[table])

    @property
    def quality(self) -> dict[str, Quality]:
        """For each table that can be checked by itself, what was read and refused; reads the table."""
        from clavis.summary import Summarizer

        state = Summarizer(on_bad_rows="refuse").update(self)
        return {"transactions": state.quality}

    def __repr__(self) -> str:
        lines = [
            f"  {name}: {', '.join(role if role == label else f'{role} = {label}' for role, label in names.items())}"
            for name, names in self._names.items()
        ]
        return "\n".join(["CustomerBook", *lines])


def _names(name: str, table: Any, mapping: Mapping[str, str]) -> dict[str, str]:
    """The known columns that a table has, and an error for what it lacks."""
    required, optional = SCHEMA[name]
    for role in mapping:
        if role not in required and role not in optional:
            known = ", ".join((*required, *optional))
            raise _clavis.InputError(f'columns: {name} has no column "{role}"; its columns are {known}')
    present = _input.column_names(table, name)
    _input.require_columns(present, {role: mapping.get(role, role) for role in (*required, *mapping)}, name)
    labels = {role: mapping.get(role, role) for role in (*required, *optional)}
    return {role: label for role, label in labels.items() if label in present}
