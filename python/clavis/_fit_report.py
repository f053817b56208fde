"""What a fit found, how well it is known, and what to beware of."""

from __future__ import annotations

import html
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["FitReport"]

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FitReport:
    """How a fit ended and what it knows.

    Attributes
    ----------
    converged
        True only where the gradient vanishes, the Hessian is positive definite and every parameter is identified.
    status
        One sentence on how the search ended.
    standard_errors
        By parameter name; 0 where held fixed, NaN where not identified.
    covariance
        Of the parameters, in the order of ``params_``.
    log_likelihood
        At the estimate, in the unit of the data; never with the priors in it.
    gradient_norm
        The largest derivative of the log-likelihood by the logarithm of a parameter.
    condition
        Of the Hessian on logarithms of the parameters.
    iterations
        Newton steps of the best start and of the final fit on all rows.
    rows, distinct_rows, left_out, customers
        Rows used, distinct among them, left out (a warning says why), and the sum of weights.
    warnings
        In words: what cannot be known from these data, and what was left out.
    profile
        Of a parameter found by profile likelihood (k): the log-likelihood of every value tried.
    priors
        In words, where the fit is maximum a posteriori; empty for maximum likelihood.
    log_prior
        The density of the priors at the estimate, of the logarithms of dimensionless parameters.
    """

    converged: bool
    status: str
    standard_errors: dict[str, float]
    covariance: Values
    log_likelihood: float
    gradient_norm: float
    condition: float
    iterations: int
    rows: int
    distinct_rows: int
    left_out: int
    customers: float
    warnings: tuple[str, ...]
    profile: dict[float, float] = field(default_factory=dict)
    priors: tuple[str, ...] = ()
    log_prior: float = 0.0

    @property
    def log_posterior(self) -> float:
        """``log_likelihood`` + ``log_prior``, what a fit with priors maximises."""
        return self.log_likelihood + self.log_prior

    def __repr__(self) -> str:
        lines = [
            f"FitReport: {self.status}",
            f"  log-likelihood {self.log_likelihood:.6f} on {self.rows:,} rows ({self.distinct_rows:,} distinct), "
            f"{self.iterations} iterations",
            f"  gradient norm {self.gradient_norm:.2g}, condition {self.condition:.3g}",
            *([f"  prior: {'; '.join(self.priors)}"] if self.priors else []),
            *(f"  warning: {text}" for text in self.warnings),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        facts = {
            "log-likelihood": f"{self.log_likelihood:.6f}",
            "rows": f"{self.rows:,} ({self.distinct_rows:,} distinct)",
            "customers": f"{self.customers:,.6g}",
            "rows left out": f"{self.left_out:,}",
            "iterations": f"{self.iterations}",
            "gradient norm": f"{self.gradient_norm:.2g}",
            "condition": f"{self.condition:.3g}",
        }
        rows = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in facts.items())
        return (
            f"<table><caption>FitReport</caption><tbody>{rows}</tbody></table>"
            + f"<p>{html.escape(self.status)}</p>"
            + "".join(f"<p>warning: {html.escape(text)}</p>" for text in self.warnings)
        )
