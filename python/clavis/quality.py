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
    notes: list[str] = field(default_factory=list)

    @classmethod
    def from_dict(cls, report: dict[str, Any]) -> Quality:
        """From the compiled core's report."""
        return cls(**{**report, "refused": [Refusal(**entry) for entry in report["refused"]]})

    @property
    def rows_refused(self) -> int:
        """How many rows were refused, for whatever reason."""
        return sum(entry.count for entry in self.refused)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {**self.__dict__, "refused": [dict(entry.__dict__) for entry in self.refused]}

    def __str__(self) -> str:
        lines = [f"{self.table}: {self.rows_read:,} rows read, {self.rows_used:,} used"]
        if self.rows_without_customer:
            lines.append(
                f"  {self.rows_without_customer:,} without customer (amount {self.amount_without_customer:,.2f}), "
                "counted apart"
            )
        if self.rows_late:
            lines.append(f"  {self.rows_late:,} after the end of observation, left out")
        for entry in self.refused:
            first = ", ".join(
                f"row {row} {value!r}" for row, value in zip(entry.rows[:3], entry.values[:3], strict=True)
            )
            more = ", …" if entry.count > 3 else ""
            lines.append(f'  {entry.count:,} refused: column "{entry.column}" {entry.reason} ({first}{more})')
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)
