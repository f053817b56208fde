"""Parameters drawn from their posterior."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from clavis import _clavis
from clavis.table import Table

__all__ = ["Posterior", "is_whole"]

# A fit to more distinct rows leaves a posterior that is normal for all purposes.
_REMEMBERED = 50_000


def is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))


class Posterior:
    """What a fitted model needs to draw its parameters."""

    _core_type: ClassVar[Any]
    _core: Any
    _report: Any
    _seen: _clavis.lifetime.Rows | None

    def _remember(self, rows: _clavis.lifetime.Rows) -> None:
        """Keep the rows of a fit (their arrays, uncopied) where :meth:`posterior` would read them."""
        report = self._report
        # The likelihood of the rows knows nothing of priors; the covariance of the fit has them in it.
        keep = report is not None and not report.priors and report.distinct_rows <= _REMEMBERED
        self._seen = rows if keep else None

    def _draw(self, draws: int, seed: int, threads: int) -> tuple[npt.NDArray[np.float64], list[str]]:
        """Parameters drawn from their posterior, and what there is to say of them."""
        for name, value, least in (("draws", draws, 1), ("seed", seed, 0)):
            if not is_whole(value) or not least <= value < 2**64:
                raise _clavis.InputError(f"posterior: {name} must be a whole number from {least} on, not {value!r}")
        report = self._report
        if report is None:
            raise AttributeError(f"this {type(self).__name__} has not been fitted: it has no posterior")
        errors = [report.standard_errors[name] for name in self._core_type.names]
        values, _, _, notes = self._core.posterior(
            errors, report.covariance, self._seen, int(draws), int(seed), threads
        )
        return values, notes

    def _drawn(self, draws: int, seed: int, threads: int) -> list[Any]:
        """Cores with parameters drawn from the posterior; the one there is where parameters were given."""
        if self._report is None:
            return [self._core]
        values, _ = self._draw(draws, seed, threads)
        return [self._again(list(map(float, row))) for row in values]

    def _again(self, parameters: list[float]) -> Any:
        """A core of other parameters in the unit of this one."""
        return self._core_type(parameters)

    def posterior(self, draws: int = 1000, seed: int = 1, *, threads: int = 0) -> Table:
        """Draws of the parameters given the data they were fitted to, with a flat prior on their logarithms.

        Candidates from a multivariate t about the estimate, with the covariance of the fit, are weighted by the
        likelihood and resampled. After a fit to more than 50,000 distinct rows (25
        of Pareto/GGG), or where the rows are no longer at
        hand, the draws are those of the normal law itself, which then differs from the posterior by little. So they are
        after a fit with priors, about its mode, with the priors in the covariance.

        Parameters
        ----------
        draws
            How many.
        seed
            The same seed gives the same draws.
        threads
            0: every core.

        Returns
        -------
        Table
            One column a parameter, one row a draw. Parameters that were held or are not identified stay at their
            estimate, with a warning in the second case.

        Raises
        ------
        AttributeError
            If the parameters were given rather than fitted.
        """
        values, notes = self._draw(draws, seed, threads)
        for note in notes:
            warnings.warn(note, RuntimeWarning, stacklevel=2)
        return Table({name: values[:, i].copy() for i, name in enumerate(self._core_type.names)})
