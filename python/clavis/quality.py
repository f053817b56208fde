"""What was read of a table, what was used and what was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Quality", "Refusal"]


@dataclass(frozen=True)
class Refusal:
    """Rows of one column refused for one reason; at most the first thousand are listed."""

    column: str
    reason: str
    count: int
    rows: list[int]
    values: list[str]
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = [f"row {row} {value!r}" for row, value in zip(self.rows[:3], self.values[:3], strict=True)]
        more = ", …" if self.count > len(shown) else ""
        return f'column "{self.column}" {self.reason} ({", ".join(shown) or ", ".join(self.examples[:3])}{more})'


@dataclass(frozen=True)
class Quality:
    """The quality of one table.

    Amounts are in currency units. Rows count from 0 over all batches, in the order in which they arrived.
    """

    table: str
    rows_read: int
    rows_used: int
    rows_without_customer: int
    rows_late: int
    amount_without_customer: float
    amount_total: float
    largest_rounding: float
    refused: list[Refusal] = field(default_factory=list)
    rows_not_yet_known: int = 0
    rows_duplicate: int = 0
    rows_without_event: int = 0
    duplicates: list[Refusal] = field(default_factory=list)
    converted: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def from_dict(cls, report: dict[str, Any]) -> Quality:
        """From the compiled core's report."""
        listed = {name: [Refusal(**entry) for entry in report[name]] for name in ("refused", "duplicates")}
        return cls(**{**report, **listed})

    @property
    def rows_refused(self) -> int:
        """How many rows were refused, for whatever reason."""
        return sum(entry.count for entry in self.refused)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        listed = {name: [dict(entry.__dict__) for entry in getattr(self, name)] for name in ("refused", "duplicates")}
        return {**self.__dict__, **listed}

    def __str__(self) -> str:
        lines = [f"{self.table}: {self.rows_read:,} rows read, {self.rows_used:,} used"]
        if self.rows_without_customer:
            lines.append(
                f"  {self.rows_without_customer:,} without customer (amount {self.amount_without_customer:,.2f}), "
                "counted apart"
            )
        if self.rows_late:
            lines.append(f"  {self.rows_late:,} after the end of observation, left out")
        if self.rows_not_yet_known:
            lines.append(f"  {self.rows_not_yet_known:,} not yet known at that time, left out")
        lines += [f"  {entry.count:,} not used again: {entry}" for entry in self.duplicates]
        if self.rows_without_event:
            lines.append(f"  {self.rows_without_event:,} without an event id, taken as they are")
        lines += [f"  {rows:,} in {currency}" for currency, rows in self.converted.items()]
        lines += [f"  {entry.count:,} refused: {entry}" for entry in self.refused]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)
