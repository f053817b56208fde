"""The customer book: every table of a company's records, with column names mapped once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clavis import _clavis, _input
from clavis.table import Table

if TYPE_CHECKING:
    from clavis.identities import Identities
    from clavis.quality import BookQuality

__all__ = ["CustomerBook"]

_RULES: dict[str, dict[str, Any]] = {table["name"]: table for table in _clavis.ledger.schema()}

#: The columns that a table of each kind must have, and those it may have, as the compiled core knows them
#: (docs/guide/records.md says what they mean).
SCHEMA: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    name: (
        tuple(column["name"] for column in table["columns"] if column["required"]),
        tuple(column["name"] for column in table["columns"] if not column["required"]),
    )
    for name, table in _RULES.items()
}


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
        If a table lacks a required column (``wallet`` needs one of its two amounts, ``costs`` a customer or a segment),
        or ``columns`` names a table or column that does not exist.

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
        self._quality: BookQuality | None = None
        self._identity_maps: tuple[_clavis.ledger.IdentityMap, ...] = ()
        self._identities: Identities | None = None
        self._original: CustomerBook | None = None
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
            return self.__dict__.get("_tables", {}).get(name)
        raise AttributeError(f"a CustomerBook has no attribute {name!r}")

    def names(self, table: str) -> dict[str, str]:
        """What the library calls each known column of ``table``, to what the table calls it."""
        return dict(self._names[table])

    def merged(self, identities: Any, *, on_conflict: str = "raise") -> CustomerBook:
        """The book with customers joined who are the same under several ids.

        The tables stay as they are, nothing is copied: ids are joined while rows are read, by every function that takes
        a book. ``customer_id`` and ``referrer_id`` are joined in all tables.

        Parameters
        ----------
        identities
            A table with ``customer_id`` and ``canonical_id``, a table with ``id_a`` and ``id_b`` (two ids of one person
            in a row), or a mapping of ids to canonical ids. Chains and cycles are followed, and the order of rows does
            not matter. The canonical id at the end of a chain stays; in a cycle the smallest canonical id; of pairs the
            smallest id.
        on_conflict
            Customers that belong together but have two canonical ids: ``"raise"`` (default) is an error that names
            them, ``"join"`` joins all to the smaller one and reports it.

        Returns
        -------
        CustomerBook
            With ``identities``, the report of what moved, and ``original``, this book.

        Raises
        ------
        ValueError
            If an id is missing or of another type than the book's, or at a conflict.

        Examples
        --------
        >>> log = {"customer_id": ["a", "b", "c"], "time": ["2024-01-01", "2024-01-15", "2024-01-08"]}
        >>> book = CustomerBook(log).merged({"b": "a"})
        >>> book.read("transactions")["customer_id"]
        array(['a', 'a', 'c'], dtype=object)
        >>> book.identities.customers_joined
        1
        """
        from clavis.identities import check_kind, identity_map

        book = copy.copy(self)
        book._quality = None
        book._identities = None
        book._identity_maps = (*self._identity_maps, identity_map(identities, on_conflict))
        book._original = self
        check_kind(book)
        return book

    @property
    def original(self) -> CustomerBook | None:
        """The book before :meth:`merged`; ``None`` where nothing was merged."""
        return self._original

    @property
    def identities(self) -> Identities | None:
        """What :meth:`merged` did: a table with one row per id joined to another; ``None`` where nothing was merged."""
        if self._identities is None and self._original is not None:
            from clavis.identities import report

            self._identities = report(self)
        return self._identities

    def _joined(self, batch: _clavis.core.Columns, table: str) -> _clavis.core.Columns:
        for mapping in self._identity_maps:
            batch = mapping.apply(batch, table)
        return batch

    @property
    def quality(self) -> BookQuality:
        """What every table holds: what was read and refused and why, duplicates, gaps, staleness, coverage.

        The tables are read when this is first asked for, and the answer is kept.
        """
        if self._quality is None:
            from clavis._checks import check

            self._quality = check(self)
        return self._quality

    def read(self, table: str, *, on_bad_rows: str = "refuse", time_zone: str | None = None, threads: int = 0) -> Table:
        """The usable rows of a table under the library's names of their columns.

        Parameters
        ----------
        table
            Its name, ``"contacts"``.
        on_bad_rows
            ``"refuse"`` (default) leaves out rows that cannot be used, which ``quality`` lists; ``"raise"`` makes the
            first one an error that names it. Rows without a customer are left out.
        time_zone, threads
            As in :func:`summarize`.

        Returns
        -------
        Table
            Ids are integers or text; times ``datetime64[us]`` in UTC, or ``datetime64[D]`` where all are dates; numbers
            ``float64``; words of a fixed choice in lower case.
        """
        from clavis._checks import read

        return read(self, table, on_bad_rows, time_zone, threads)[0]

    def __repr__(self) -> str:
        lines = [
            f"  {name}: {', '.join(role if role == label else f'{role} = {label}' for role, label in names.items())}"
            for name, names in self._names.items()
        ]
        if self._identity_maps:
            lines.append(f"  ids joined: {sum(len(one.ids) for one in self._identity_maps):,}")
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
    found = {role: label for role, label in labels.items() if label in present}
    some: list[str] = _RULES[name]["one_of"]
    if some and not any(role in found for role in some):
        raise _clavis.InputError(
            f"{name}: there is no column {' or '.join(some)}, of which one is needed; "
            f"the columns are {', '.join(present)}"
        )
    return found
