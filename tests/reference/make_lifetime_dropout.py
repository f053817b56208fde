"""Reference values for NBD, Pareto/NBD and GGom/NBD from integrals over the time of leaving, with 50 digits.

A customer who leaves after a time u with density f(u) buys until then as a negative binomial process. So every value is
one integral over u (none for NBD), taken numerically along logit(u / end), never from the closed forms or the variable
of integration that the library uses. `--check` compares the first likelihoods with the double integral over the
customer's own rates of buying and leaving. Writes lifetime_dropout.csv beside this file. Needs mpmath; takes an hour.

    python make_lifetime_dropout.py [--check]
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import mpmath as mp
from make_lifetime import DROP, Function, log1p_exp, logistic, write


def log_integral(log_f: Function) -> mp.mpf:
    """ln of the integral over the real line of exp(log_f), one peak and linear tails, by the trapezoidal rule.

    It converges exponentially for what is analytic around the axis; the step is halved until 20 digits stand, the
    next ones being squares of the error.
    """
    top = mp.mpf(0)
    while log_f(top + 1) > log_f(top):
        top += 1
    while log_f(top - 1) > log_f(top):
        top -= 1
    high = log_f(top)

    def total(start: mp.mpf, step: mp.mpf) -> mp.mpf:
        result = mp.mpf(0)
        for direction, first in ((1, start), (-1, start - step)):
            w, before, fall = first, None, None
            while True:
                here = log_f(w) - high
                term = mp.exp(here)
                result += term
                if here < -DROP:
                    break
                if before is not None and before > here:
                    if fall is not None and abs((before - here) / fall - 1) < mp.mpf("1e-30"):
                        result += term / mp.expm1(fall)  # a geometric series from here on
                        break
                    fall = before - here
                before = here
                w += direction * step
        return result

    step = mp.mpf("0.5")
    result = total(top, step) * step
    for _ in range(14):
        step /= 2
        finer = result / 2 + total(top + step, 2 * step) * step
        if abs(finer - result) < mp.mpf("1e-20") * finer:
            return high + mp.log(finer)
        result = finer
    raise ArithmeticError("no convergence")


@dataclass
class Dropout:
    """The chance of staying beyond t, exp(-s H(t)): H = ln(1 + t / beta), or with Gompertz hazard if b is given."""

    s: mp.mpf
    beta: mp.mpf
    b: mp.mpf | None = None

    def h(self, t: mp.mpf) -> mp.mpf:
        return mp.log1p((t if self.b is None else mp.expm1(self.b * t)) / self.beta)

    def log_rate(self, t: mp.mpf) -> mp.mpf:
        """ln of s dH/dt."""
        if self.b is None:
            return mp.log(self.s) - mp.log(self.beta + t)
        return mp.log(self.s * self.b) - mp.log1p((self.beta - 1) * mp.exp(-self.b * t))


def log_until(low: mp.mpf, high: mp.mpf, log_f: Function) -> mp.mpf:
    """ln of the integral of exp(log_f(t)) over (low, high); high may be infinite."""
    if high == mp.inf:
        return log_integral(lambda w: w + log_f(low + mp.exp(w)))
    width = high - low
    return log_integral(lambda w: mp.log(width) - log1p_exp(w) - log1p_exp(-w) + log_f(low + width * logistic(w)))


def log_mean_gamma(shape: mp.mpf, rate: mp.mpf, log_f: Function) -> mp.mpf:
    """ln E[f(rate)] over Gamma(shape, rate)."""

    def weight(v: mp.mpf) -> mp.mpf:
        return shape * (v + mp.log(rate)) - rate * mp.exp(v) + log_f(mp.exp(v))

    return log_integral(weight) - mp.loggamma(shape)


def history(r, alpha, leaving: Dropout | None, x, tx, T):
    """(ln L, P(alive))."""
    n = r + x
    constant = mp.loggamma(n) - mp.loggamma(r) + r * mp.log(alpha)
    if leaving is None:
        return constant - n * mp.log(alpha + T), mp.mpf(1)
    stayed = -n * mp.log(alpha + T) - leaving.s * leaving.h(T)
    if tx == T:
        return constant + stayed, mp.mpf(1)
    left = log_until(tx, T, lambda t: -n * mp.log(alpha + t) - leaving.s * leaving.h(t) + leaving.log_rate(t))
    both = mp.log(mp.exp(stayed - left) + 1) + left
    return constant + both, mp.exp(stayed - both)


def double_integral(r, alpha, s, beta, x, tx, T):
    """ln L of Pareto/NBD over lambda and mu."""

    def given_mu(mu: mp.mpf) -> mp.mpf:
        return log_mean_gamma(
            r,
            alpha,
            lambda u: x * mp.log(u) + mp.log((u * mp.exp(-(u + mu) * T) + mu * mp.exp(-(u + mu) * tx)) / (u + mu)),
        )

    return log_mean_gamma(s, beta, given_mu)


def active_time(r, alpha, leaving: Dropout, t, rate):
    """Expected purchases in (0, t], each discounted."""
    return mp.exp(log_until(mp.mpf(0), t, lambda u: -leaving.s * leaving.h(u) - rate * u)) * r / alpha


def log_counts(r, alpha, n, u):
    choose = mp.loggamma(r + n) - mp.loggamma(r) - mp.loggamma(n + 1)
    return choose + r * mp.log(alpha / (alpha + u)) + (n * mp.log(u / (alpha + u)) if n else 0)


def pmf(r, alpha, leaving: Dropout, n, t):
    left = mp.exp(
        log_until(
            mp.mpf(0),
            t,
            lambda u: log_counts(r, alpha, n, u) - leaving.s * leaving.h(u) + leaving.log_rate(u),
        )
    )
    return left + mp.exp(log_counts(r, alpha, n, t) - leaving.s * leaving.h(t))


def draw(rng: random.Random, i: int, gompertz: bool):
    def power(low: float, high: float) -> float:
        return 10 ** rng.uniform(low, high)

    wide = i % 4 == 0  # the extremes
    r, s = (power(-4, 4), power(-4, 4)) if wide else (power(-1, 0.7), power(-1, 0.7))
    alpha, beta = (power(-8, 8), power(-8, 8)) if wide else (power(-0.5, 1.5), power(-0.5, 2))
    if i % 9 == 1 and not gompertz:
        beta = alpha
    if i % 11 == 3:
        s = 1.0
    if not gompertz:
        return r, alpha, s, beta, None
    b = power(-3, 1) / alpha
    if not wide:
        beta = power(-3, 3)
    return r, alpha, s, beta, b


def model_rows(name: str, gompertz: bool, histories: int, kernels: int) -> Iterator[list[object]]:
    rng = random.Random(f"{name} 7")

    def leaving(s: float, beta: float, b: float | None) -> Dropout:
        return Dropout(mp.mpf(s), mp.mpf(beta), None if b is None else mp.mpf(b))

    for i in range(histories):
        r, alpha, s, beta, b = draw(rng, i, gompertz)
        T = alpha * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5))
        if gompertz:
            T = min(T, 1000 / b)
        x = rng.choice([0, 1, 2, 3, 5, 10, 30, 100])
        if i % 8 == 3:
            x = rng.choice([1000, 20000, 100000])
        tx = 0.0 if x == 0 else T * (1.0 - 10 ** rng.uniform(-12, 0)) if i % 3 else T * rng.random()
        value, alive = history(mp.mpf(r), mp.mpf(alpha), leaving(s, beta, b), x, mp.mpf(tx), mp.mpf(T))
        yield [f"{name}_log_likelihood", r, alpha, s, beta, b, x, tx, T, value]
        if i < kernels:
            yield [f"{name}_probability_alive", r, alpha, s, beta, b, x, tx, T, alive]
    for i in range(kernels):
        r, alpha, s, beta, b = draw(rng, i, gompertz)
        if i % 6 == 5:  # what a heavy buyer's process looks like
            r, alpha = r + rng.choice([10, 100, 1000, 100000]), alpha * 10
        scale = 1 / b if b else beta
        t = scale * 10 ** (rng.uniform(-6, 3) if i % 4 == 2 else rng.uniform(-1, 1.5))
        rate = 10 ** rng.uniform(-3, 1) / scale
        n = rng.choice([1, 2, 5, 20, 200])
        m = mp.mpf(r), mp.mpf(alpha), leaving(s, beta, b)
        first = [r, alpha, s, beta, b]
        yield [f"{name}_survival", *first, t, "", "", mp.exp(-m[2].s * m[2].h(mp.mpf(t)))]
        yield [f"{name}_expected", *first, t, "", "", active_time(*m, mp.mpf(t), 0)]
        yield [f"{name}_no_purchase", *first, t, "", "", mp.exp(history(*m, 0, mp.mpf(0), mp.mpf(t))[0])]
        yield [f"{name}_discounted", *first, t, rate, "", active_time(*m, mp.mpf(t), mp.mpf(rate))]
        yield [f"{name}_discounted", *first, "inf", rate, "", active_time(*m, mp.inf, mp.mpf(rate))]
        yield [f"{name}_pmf", *first, n, t, "", pmf(*m, n, mp.mpf(t))]


def nbd_rows() -> Iterator[list[object]]:
    rng = random.Random(8)
    for i in range(100):
        r, alpha, _, _, _ = draw(rng, i, False)
        T = alpha * 10 ** rng.uniform(-4, 4)
        x = rng.choice([0, 1, 3, 30, 1000, 100000])
        first = [r, alpha, "", "", ""]
        m = mp.mpf(r), mp.mpf(alpha)
        by_rate = log_mean_gamma(*m, lambda u, x=x, T=T: x * mp.log(u) - u * mp.mpf(T))
        yield ["nbd_log_likelihood", *first, x, 0.0, T, by_rate]
        yield ["nbd_pmf", *first, x, T, "", mp.exp(by_rate + x * mp.log(mp.mpf(T)) - mp.loggamma(x + 1))]


def check() -> None:
    rng = random.Random("pareto 7")
    with mp.workdps(20):
        for i in range(12):
            r, alpha, s, beta = (mp.mpf(10 ** rng.uniform(-0.5, 1)) for _ in range(4))
            x, T = rng.choice([0, 1, 5, 20]), mp.mpf(10 ** rng.uniform(0, 1.5))
            tx = T * rng.random() if x else mp.mpf(0)
            one = history(r, alpha, Dropout(s, beta), x, tx, T)[0]
            two = double_integral(r, alpha, s, beta, x, tx, T)
            print(i, mp.nstr(one, 12), mp.nstr(one - two, 3), flush=True)
            assert abs(one - two) < 1e-11 * max(1, abs(one))


def rows() -> Iterator[list[object]]:
    yield from nbd_rows()
    yield from model_rows("pareto", False, 2000, 200)
    yield from model_rows("ggom", True, 2000, 200)


if __name__ == "__main__":
    if "--check" in sys.argv:
        check()
    else:
        header = ["function", "r", "alpha", "s", "beta", "b", "u", "v", "w", "value"]
        write("lifetime_dropout.csv", header, rows())
