"""Reference values for NBD, Pareto/NBD and GGom/NBD from integrals over the time of leaving, with 50 digits.

A customer who leaves after a time u with density f(u) buys until then as a negative binomial process. So every value is
one integral over u (none for NBD), taken numerically along logit(u / end), never from the closed forms or the variable
of integration that the library uses. `--check` compares the first likelihoods with the double integral over the
customer's own rates of buying and leaving. Writes lifetime_dropout.csv beside this file. Needs python-flint; takes a
few minutes.

    python make_lifetime_dropout.py [--check]
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from flint import arb
from precise import exp, expm1, log, log1p, log_mean_gamma, log_sum, log_until, loggamma, short, write


@dataclass
class Dropout:
    """The chance of staying beyond t, exp(-s H(t)): H = ln(1 + t / beta), or with Gompertz hazard if b is given."""

    s: arb
    beta: arb
    b: arb | None = None

    def h(self, t: arb) -> arb:
        return log1p((t if self.b is None else expm1(self.b * t)) / self.beta)

    def log_rate(self, t: arb) -> arb:
        """ln of s dH/dt."""
        if self.b is None:
            return log(self.s) - log(self.beta + t)
        return log(self.s * self.b) - log1p((self.beta - 1) * exp(-self.b * t))


def history(r, alpha, leaving: Dropout | None, x, tx, T):
    """(ln L, P(alive))."""
    n = r + x
    constant = loggamma(n) - loggamma(r) + r * log(alpha)
    if leaving is None:
        return constant - n * log(alpha + T), arb(1)
    stayed = -n * log(alpha + T) - leaving.s * leaving.h(T)
    if tx == T:
        return constant + stayed, arb(1)
    left = log_until(tx, T, lambda t: -n * log(alpha + t) - leaving.s * leaving.h(t) + leaving.log_rate(t))
    both = log_sum(stayed, left)
    return constant + both, exp(stayed - both)


def double_integral(r, alpha, s, beta, x, tx, T):
    """ln L of Pareto/NBD over lambda and mu."""

    def given_mu(mu: arb) -> arb:
        return log_mean_gamma(
            r,
            alpha,
            lambda u: x * log(u) + log((u * exp(-(u + mu) * T) + mu * exp(-(u + mu) * tx)) / (u + mu)),
        )

    return log_mean_gamma(s, beta, given_mu)


def active_time(r, alpha, leaving: Dropout, t, rate):
    """Expected purchases in (0, t], each discounted."""
    return exp(log_until(arb(0), t, lambda u: -leaving.s * leaving.h(u) - rate * u)) * r / alpha


def log_counts(r, alpha, n, u):
    choose = loggamma(r + n) - loggamma(r) - loggamma(n + 1)
    return choose + r * log(alpha / (alpha + u)) + (n * log(u / (alpha + u)) if n else 0)


def pmf(r, alpha, leaving: Dropout, n, t):
    left = exp(
        log_until(
            arb(0),
            t,
            lambda u: log_counts(r, alpha, n, u) - leaving.s * leaving.h(u) + leaving.log_rate(u),
        )
    )
    return left + exp(log_counts(r, alpha, n, t) - leaving.s * leaving.h(t))


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
        return Dropout(arb(s), arb(beta), None if b is None else arb(b))

    for i in range(histories):
        r, alpha, s, beta, b = draw(rng, i, gompertz)
        T = alpha * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5))
        if gompertz:
            T = min(T, 1000 / b)
        x = rng.choice([0, 1, 2, 3, 5, 10, 30, 100])
        if i % 8 == 3:
            x = rng.choice([1000, 20000, 100000])
        tx = 0.0 if x == 0 else T * (1.0 - 10 ** rng.uniform(-12, 0)) if i % 3 else T * rng.random()
        value, alive = history(arb(r), arb(alpha), leaving(s, beta, b), x, arb(tx), arb(T))
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
        m = arb(r), arb(alpha), leaving(s, beta, b)
        first = [r, alpha, s, beta, b]
        yield [f"{name}_survival", *first, t, "", "", exp(-m[2].s * m[2].h(arb(t)))]
        yield [f"{name}_expected", *first, t, "", "", active_time(*m, arb(t), 0)]
        yield [f"{name}_no_purchase", *first, t, "", "", exp(history(*m, 0, arb(0), arb(t))[0])]
        yield [f"{name}_discounted", *first, t, rate, "", active_time(*m, arb(t), arb(rate))]
        yield [f"{name}_discounted", *first, "inf", rate, "", active_time(*m, None, arb(rate))]
        yield [f"{name}_pmf", *first, n, t, "", pmf(*m, n, arb(t))]


def nbd_rows() -> Iterator[list[object]]:
    rng = random.Random(8)
    for i in range(2000):
        r, alpha = (short(v, 4) for v in draw(rng, i, False)[:2])
        T = short(alpha * 10 ** rng.uniform(-4, 4), 5)
        x = rng.choice([0, 1, 3, 30, 1000, 100000])
        first = [r, alpha, "", "", ""]
        m = arb(r), arb(alpha)
        by_rate = log_mean_gamma(*m, lambda u, x=x, T=T: x * log(u) - u * arb(T))
        yield ["nbd_log_likelihood", *first, x, 0.0, T, by_rate]
        if i < 200:
            yield ["nbd_pmf", *first, x, T, "", exp(by_rate + x * log(arb(T)) - loggamma(x + 1))]


def check() -> None:
    rng = random.Random("pareto 7")
    for i in range(12):
        r, alpha, s, beta = (arb(10 ** rng.uniform(-0.5, 1)) for _ in range(4))
        x, T = rng.choice([0, 1, 5, 20]), arb(10 ** rng.uniform(0, 1.5))
        tx = T * rng.random() if x else arb(0)
        one = history(r, alpha, Dropout(s, beta), x, tx, T)[0]
        two = double_integral(r, alpha, s, beta, x, tx, T)
        print(i, one.str(12, radius=False), (one - two).str(3, radius=False), flush=True)
        assert abs(one - two) < 1e-18 * (1 + abs(one))


def rows() -> Iterator[list[object]]:
    yield from nbd_rows()
    yield from model_rows("pareto", False, 2000, 200)
    yield from model_rows("ggom", True, 2000, 200)


if __name__ == "__main__":
    if "--check" in sys.argv:
        check()
    else:
        header = ["function", "r", "alpha", "s", "beta", "b", "u", "v", "w", "value"]
        write("lifetime_dropout.csv", header, rows(), digits=18)
