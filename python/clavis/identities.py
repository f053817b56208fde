"""The same customer under several ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _input
from clavis.table import Table

if TYPE_CHECKING:
    from clavis.book import CustomerBook

__all__ = ["Identities"]

_CANONICAL = {"customer_id": "customer_id", "canonical_id": "canonical_id"}
_PAIRS = {"id_a": "id_a", "id_b": "id_b"}
_WAYS = ("raise", "join")


def identity_map(identities: Any, on_conflict: str) -> _clavis.ledger.IdentityMap:
    """The map of a table with ``customer_id`` and ``canonical_id``, one with ``id_a`` and ``id_b``, or a mapping."""
    if on_conflict not in _WAYS:
        raise _clavis.InputError(f'on_conflict: "{on_conflict}" is none of {", ".join(_WAYS)}')
    names = set(_PAIRS) | set(_CANONICAL)
    if isinstance(identities, Mapping) and not names & set(identities):
        identities = {"customer_id": list(identities), "canonical_id": list(identities.values())}
    present = _input.column_names(identities, "identities")
    pairs = all(name in present for name in _PAIRS)
    batches = list(_input.batches(identities, _PAIRS if pairs else _CANONICAL, "identities"))
    return _clavis.ledger.IdentityMap(batches, canonical=not pairs, join_conflicts=on_conflict == "join")


def check_kind(book: CustomerBook) -> None:
    """Fail where the first ids of a table are text and the identities numbers, or the other way round.

    What can be read once only, or has to be computed to be read, is left for its first use.
    """
    for name in book.tables:
        labels = {role: label for role, label in book.names(name).items() if role in ("customer_id", "referrer_id")}
        sample = _first_rows(getattr(book, name), list(labels.values())) if labels else None
        for batch in () if sample is None else _input.batches(sample, labels, name):
            book._joined(batch, name)


_SAMPLE = 1000


def _first_rows(table: Any, columns: list[str]) -> Any:
    """A few rows of a table that lies in memory, else ``None``."""
    if isinstance(table, (Mapping, Table)):
        return {label: table[label][:_SAMPLE] for label in columns}
    if hasattr(table, "iloc"):  # pandas
        return table[columns].iloc[:_SAMPLE]
    if hasattr(table, "num_rows") and hasattr(table, "slice"):  # pyarrow
        return table.slice(0, _SAMPLE)
    if hasattr(table, "height") and hasattr(table, "head"):  # polars
        return table.head(_SAMPLE)
    return None


class Identities(Table):
    """What joining ids did to a book: one row per id that was joined to another, sorted by id.

    Columns: ``customer_id``, ``merged_into`` (the id that stays), ``transactions`` (rows that moved) and ``other_rows``
    (of all other tables).

    Attributes
    ----------
    customers_joined
        By how many customers the book has become smaller.
    unknown
        Ids in the identities that no table of the book holds.
    gone
        Of these, ids that an earlier :meth:`CustomerBook.merged` had joined to another: they are in no table any more.
    conflicts
        One row per conflict: ``kept``, ``other`` (two canonical ids of customers that belong together; all were joined
        to ``kept``), ``row`` of the identities. Empty unless conflicts were to be joined.
    self_referrals
        Referrals of customers by themselves once the ids are joined, or ``None`` without referrals.
    """

    def __init__(
        self, columns: Mapping[str, npt.ArrayLike], joined: int, unknown: npt.NDArray[Any], conflicts: Table,
        self_referrals: int | None, gone: npt.NDArray[Any],
    ) -> None:  # fmt: skip
        super().__init__(columns)
        self.gone = gone
        self.customers_joined = joined
        self.unknown = unknown
        self.conflicts = conflicts
        self.self_referrals = self_referrals

    def __repr__(self) -> str:
        lines = [super().__repr__(), f"{self.customers_joined:,} customers joined to others"]
        if len(self.unknown):
            lines.append(f"{len(self.unknown):,} ids are in no table of the book")
        if len(self.gone):
            lines.append(f"{len(self.gone):,} of them were joined to others before: {_listed(self.gone)}")
        if len(self.conflicts):
            lines.append(f"{len(self.conflicts):,} conflicts between canonical ids, joined")
        if self.self_referrals:
            lines.append(f"{self.self_referrals:,} referrals of customers by themselves")
        return "\n".join(lines)


def _listed(ids: npt.NDArray[Any]) -> str:
    return ", ".join(map(str, ids[:3])) + (", …" if len(ids) > 3 else "")


def joined_before(book: CustomerBook) -> npt.NDArray[Any]:
    """Ids that the merges of a book have joined to others."""
    gone = [one.ids[one.merged_into != np.arange(len(one.ids))] for one in book._identity_maps]
    return np.concatenate(gone) if gone else np.empty(0, dtype=np.int64)


def report(book: CustomerBook) -> Identities:
    """Read the tables as they were before the merge and count what moved."""
    before, mapping = book.original, book._identity_maps[-1]
    assert before is not None
    ids, into = mapping.ids, mapping.merged_into.astype(np.int64)
    bought, other = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    for name in before.tables:
        roles: dict[str, str | None] = {
            role: role for role in ("customer_id", "referrer_id") if role in before.names(name)
        }
        for batch in _input.batches(before, roles, name) if roles else ():
            mapping.count(batch, bought if name == "transactions" else other)
    moved = into != np.arange(len(ids))
    unknown = ids[moved & (bought + other == 0)]
    present = np.bincount(into, weights=bought + other > 0, minlength=len(ids))
    found = mapping.conflicts
    referred = None
    if "referrals" in book.tables:
        noted = book.quality["referrals"].noted
        referred = sum(entry.count for entry in noted if entry.reason == "referred themselves")
    return Identities(
        {
            "customer_id": ids[moved],
            "merged_into": ids[into[moved]],
            "transactions": bought[moved],
            "other_rows": other[moved],
        },
        joined=int(np.maximum(present - 1, 0).sum()),
        unknown=unknown,
        gone=unknown[np.isin(unknown, joined_before(before))],
        conflicts=Table(
            {
                "kept": np.array([kept for kept, _, _ in found], dtype=object),
                "other": np.array([other_id for _, other_id, _ in found], dtype=object),
                "row": np.array([row for _, _, row in found], dtype=np.int64),
            }
        ),
        self_referrals=referred,
    )
