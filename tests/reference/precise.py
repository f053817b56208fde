"""Numbers with 50 digits and their errors (balls of FLINT's arb), integrals over the real line, tables.

Needs python-flint. Rounding is followed through every operation and checked when a value is written; the rule of
integration is halved until 20 digits stand.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from flint import arb, ctx

ctx.dps = 50
FOLDER = Path(__file__).parent
DROP = 80  # nats: the integrand is cut where it is e^-80 = 2e-35 of its peak

Function = Callable[[arb], arb]


def exp(x: arb) -> arb:
    return arb(x).exp()


def log(x: arb) -> arb:
    return arb(x).log()


def log1p(x: arb) -> arb:
    return arb(x).log1p()


def expm1(x: arb) -> arb:
    return arb(x).expm1()


def loggamma(x: arb) -> arb:
    return arb(x).lgamma()


def log_beta(a: arb, b: arb) -> arb:
    return loggamma(a) + loggamma(b) - loggamma(arb(a) + arb(b))


def logistic(y: arb) -> arb:
    return 1 / (1 + exp(-y))


def log1p_exp(y: arb) -> arb:
    return log1p(exp(y))


def log_sum(one: arb, other: arb) -> arb:
    """ln(e^one + e^other)."""
    high = one if one > other else other
    return high + log1p(exp(-abs(one - other)))


def log_integral(log_f: Function) -> arb:
    """ln of the integral over the real line of exp(log_f), one peak and linear tails, by the trapezoidal rule.

    It converges exponentially for what is analytic around the axis; the step is halved until 20 digits stand, the
    next ones being squares of the error.
    """
    top, stride = arb(0), arb(1)
    while log_f(top + 2 * stride) > log_f(top) or log_f(top - 2 * stride) > log_f(top):
        top += 2 * stride if log_f(top + 2 * stride) > log_f(top) else -2 * stride
        stride *= 2
    while stride > 0.001:
        here = log_f(top)
        if log_f(top + stride) > here:
            top += stride
        elif log_f(top - stride) > here:
            top -= stride
        else:
            stride /= 2
    high = log_f(top)
    # Nodes as far apart as where the integrand has fallen by half a nat.
    step = arb("0.5")
    while high - log_f(top + step) > 0.5 or high - log_f(top - step) > 0.5:
        step /= 2

    def total(start: arb, step: arb) -> arb:
        result = arb(0)
        for direction, first in ((1, start), (-1, start - step)):
            w, before, fall = first, None, None
            while True:
                here = log_f(w) - high
                term = exp(here)
                result += term
                if here < -DROP:
                    break
                if before is not None and before > here:
                    if fall is not None and abs((before - here) / fall - 1) < arb("1e-30"):
                        result += term / expm1(fall)  # a geometric series from here on
                        break
                    fall = before - here
                before = here
                w += direction * step
        return result

    result = total(top, step) * step
    for _ in range(14):
        step /= 2
        finer = result / 2 + total(top + step, 2 * step) * step
        if abs(finer - result) < arb("1e-20") * finer:
            return high + log(finer)
        result = finer
    raise ArithmeticError("no convergence")


def log_until(low: arb, high: arb | None, log_f: Function) -> arb:
    """ln of the integral of exp(log_f(t)) over (low, high); without end where high is None."""
    if high is None:
        return log_integral(lambda w: w + log_f(low + exp(w)))
    width = high - low
    return log_integral(lambda w: log(width) - log1p_exp(w) - log1p_exp(-w) + log_f(low + width * logistic(w)))


def log_mean_gamma(shape: arb, rate: arb, log_f: Function) -> arb:
    """ln E[f(rate)] over Gamma(shape, rate)."""

    def weight(v: arb) -> arb:
        return shape * (v + log(rate)) - rate * exp(v) + log_f(exp(v))

    return log_integral(weight) - loggamma(shape)


def log_mean_beta(a: arb, b: arb, log_f: Callable[[arb, arb], arb]) -> arb:
    """ln E[f(p)], p ~ Beta(a, b); log_f is a function of p and ln(1 - p)."""

    def weight(y: arb) -> arb:
        log_q = -log1p_exp(y)
        return -a * log1p_exp(-y) + b * log_q + log_f(logistic(y), log_q)

    return log_integral(weight) - log_beta(a, b)


def short(value: float, digits: int = 3) -> float:
    """An argument of few digits, which keeps tables small."""
    return float(f"{value:.{digits}g}")


def text(value: object, digits: int = 20, absolute: bool = False) -> object:
    """20 digits of a ball, or so many, all of them certain; a number as short as tells it apart from the next.

    Of what is compared absolutely next to 0, digits beyond the 30th decimal may be missing.
    """
    if isinstance(value, arb):
        enough = value == 0 or value.rel_accuracy_bits() > 66 or (absolute and value.rad() < arb("1e-30"))
        if not enough:
            raise ArithmeticError(f"too few digits are left in {value}")
        return value.str(digits, radius=False)
    return f"{value:.0f}" if digits < 20 and isinstance(value, float) and value.is_integer() and value < 1e5 else value


def write(name: str, header: list[str], rows: Iterator[list[object]], digits: int = 20) -> None:
    with (FOLDER / name).open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        for row in rows:
            absolute = str(row[0]).endswith("log_likelihood")
            out.writerow([text(value, digits, absolute) for value in row])
            file.flush()
    print(name, flush=True)
