"""Reference values for the models of whole periods, from defining integrals with 50 digits.

Chances of buying and of leaving are integrated numerically over their beta laws, by the trapezoidal rule in logit(p),
and what a customer may do is added up opportunity by opportunity; no closed form in gamma, beta or hypergeometric
functions is used, but for the constants of the beta laws. Ratios of gamma functions are taken with 50 digits. Writes
lifetime_discrete.csv beside this file. Needs python-flint; takes some minutes.

    python make_lifetime_discrete.py
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

from flint import arb, ctx
from precise import exp, expm1, log, log1p_exp, log_beta, log_mean_beta, loggamma, short, write

DROP = 75  # nats: the grid ends where the integrand is e^-75 = 3e-33 of its peak, or is a power law


class BetaGrid:
    """Means over p ~ Beta(a, b) of p^x (1 - p)^m, first <= m <= last.

    Where p or 1 - p is so small that the integrand is a geometric series from node to node, the rest is added in one.
    """

    def __init__(self, a: float, b: float, x: float = 0, first: object = 0, last: object = 0) -> None:
        up, down, further = float(a) + x, float(b) + float(first), float(b) + float(last)
        # The integrand of a Beta is analytic to a distance of pi, but grows beyond pi / 2 where it is like that of a
        # Gamma: the error of the rule is exp(-pi^2 / h). A narrow peak has a width of sqrt(1 / up + 1 / further).
        h = min(0.14, 0.25 / math.sqrt(up * further / (up + further)))
        low = math.log(up / further) - math.sqrt(2 * DROP * (1 / up + 1 / further)) - (DROP + 3) / up
        high = math.log(up / down) + math.sqrt(2 * DROP * (1 / up + 1 / down)) + (DROP + 3) / down
        low = max(low, -max(0.0, math.log(further), -math.log(up / further)) - DROP)
        high = min(high, max(0.0, math.log(up), math.log(up / down)) + DROP)
        nodes = math.ceil((high - low) / h) + 1
        self.h, self.b = arb(h), arb(b)
        self.stay: list[arb] = []
        self.log_stay: list[arb] = []
        self.weight: list[arb] = []
        constant = log_beta(arb(a), arb(b))
        for k in range(nodes):
            y = low + k * self.h
            log_p, log_q = -log1p_exp(-y), -log1p_exp(y)
            self.log_stay.append(log_q)
            self.stay.append(exp(log_q))
            self.weight.append(self.h * exp((arb(a) + x) * log_p + self.b * log_q - constant))
        self.weight[0] /= -expm1(-(arb(a) + x) * self.h)

    def end(self, m: arb) -> arb:
        """What the last node stands for besides itself."""
        return -1 / expm1((self.b + m) * -self.h) - 1

    def moments(self, first: int, count: int) -> list[arb]:
        """E[p^x (1 - p)^m] for m = first, first + 1, ..., `count` of them."""
        values = [w * q**first for w, q in zip(self.weight, self.stay, strict=True)]
        result = []
        for m in range(first, first + count):
            result.append(sum(values) + values[-1] * self.end(arb(m)))
            values = [v * q for v, q in zip(values, self.stay, strict=True)]
        return result

    def powers(self, exponents: list[arb]) -> list[arb]:
        """E[p^x (1 - p)^m] for any m."""
        result = []
        for m in exponents:
            values = [w * exp(m * log_q) for w, log_q in zip(self.weight, self.log_stay, strict=True)]
            result.append(sum(values) + values[-1] * self.end(m))
        return result


def total(terms) -> arb:
    return sum(terms, arb(0))


def bgbb_history(alpha, beta, gamma, delta, x, tx, n):
    """(ln L, P(alive)): p^x (1-p)^(k-x) theta (1-theta)^k for leaving after k, and the same with k = n for staying."""
    silent = BetaGrid(alpha, beta, x, tx - x, n - x).moments(tx - x, n - tx + 1)
    leaving = BetaGrid(gamma, delta, 1, tx, n).moments(tx, n - tx)
    stayed = silent[-1] * BetaGrid(gamma, delta, 0, n, n).moments(n, 1)[0]
    both = stayed + total(s * g for s, g in zip(silent[:-1], leaving, strict=True))
    return log(both), stayed / both


def mean_chance(a, b) -> arb:
    return exp(log_mean_beta(arb(a), arb(b), lambda p, _: log(p)))


def stays(leave, stay, t, rate) -> arb:
    """Sum over opportunities up to t of E[(1 - theta)^i] e^(-rate i), which is geometric for each theta."""
    rate = arb(rate)

    def log_total(theta: arb, log_stay: arb) -> arb:
        ratio = exp(log_stay - rate)
        rest = theta if rate == 0 else -expm1(log_stay - rate)  # 1 - ratio
        if t == math.inf:
            return log(ratio / rest)
        return log(ratio * -expm1(t * (log_stay - rate)) / rest)

    return exp(log_mean_beta(arb(leave), arb(stay), log_total))


def bgbb_pmf(alpha, beta, gamma, delta, k, n):
    """Leaving after j opportunities with k purchases in them, for j < n, or staying through all n."""
    count = n - k + 1
    buys = BetaGrid(alpha, beta, k, 0, n - k).moments(0, count)
    leaves = BetaGrid(gamma, delta, 1, k, n).moments(k, count - 1)
    stayed = BetaGrid(gamma, delta, 0, n, n).moments(n, 1)[0]
    ways = [arb(math.comb(k + i, k)) for i in range(count)]
    gone = total(w * b * g for w, b, g in zip(ways[:-1], buys[:-1], leaves, strict=True))
    return gone + ways[-1] * buys[-1] * stayed


def bgbb_at_least(alpha, beta, gamma, delta, k, n):
    """The k-th purchase comes at opportunity k + i, i misses among those before it, and finds the customer there."""
    count = n - k + 1
    buys = BetaGrid(alpha, beta, k, 0, n - k).moments(0, count)
    there = BetaGrid(gamma, delta, 0, k, n).moments(k, count)
    return total(math.comb(k - 1 + i, i) * b * s for i, (b, s) in enumerate(zip(buys, there, strict=True)))


def log_kept(leave, stay, power) -> arb:
    """ln E[(1 - theta)^power]"""
    return log_mean_beta(arb(leave), arb(stay), lambda _, log_q: power * log_q)


def log_lost(leave, stay, first, second) -> arb:
    """ln E[(1 - theta)^first - (1 - theta)^second], the chance of being lost in between."""
    return log_mean_beta(arb(leave), arb(stay), lambda _, log_q: first * log_q + log(-expm1((second - first) * log_q)))


def power(t, c) -> arb:
    return arb(t) ** arb(c)


def survivals(leave, stay, c, times) -> list[arb]:
    """E[(1 - theta)^(t^c)] for each t."""
    exponents = [power(t, c) for t in times]
    return BetaGrid(leave, stay, 0, min(exponents), max(exponents)).powers(exponents)


def rising_rows() -> Iterator[list[object]]:
    rng = random.Random(1)
    for i in range(2000):
        z, g = 10 ** rng.uniform(-8, 8), 10 ** rng.uniform(-8, 8)
        n = float(rng.choice([1, 2, 5, 20, 300, 10000])) if i % 3 else 10 ** rng.uniform(-9, 9)
        if i % 10 == 9:  # down to -z / 2
            z, g, n = z + 2, -rng.random(), max(1.0, n)
        z, g, n = short(z, 4), short(g, 4), short(n, 4)
        Z, G, N = arb(z), arb(g), arb(n)

        def mixed(f, Z=Z, G=G, N=N):
            return f(Z + G + N) - f(Z + G) - f(Z + N) + f(Z)

        yield ["log_rising_ratio", z, g, n, "", "", "", "", mixed(loggamma)]
        if g > 0 and i < 600 and i % 2 == 0:
            d, t = (lambda v: v.digamma()), (lambda v: arb(2).zeta(v))
            yield ["rising_z", z, g, n, "", "", "", "", mixed(d)]
            yield ["rising_g", z, g, n, "", "", "", "", d(Z + G + N) - d(Z + G)]
            yield ["rising_n", z, g, n, "", "", "", "", d(Z + G + N) - d(Z + N)]
            yield ["rising_zz", z, g, n, "", "", "", "", mixed(t)]
            yield ["rising_gg", z, g, n, "", "", "", "", t(Z + G + N) - t(Z + G)]
            yield ["rising_nn", z, g, n, "", "", "", "", t(Z + G + N) - t(Z + N)]
            yield ["rising_gn", z, g, n, "", "", "", "", t(Z + G + N)]


def parameters(rng: random.Random, i: int) -> tuple[float, float, float, float]:
    wide = 2.0 if i % 4 == 0 else 0.7
    a, b, g, d = (short(10 ** rng.uniform(-min(wide, 1.0), wide)) for _ in range(4))
    if i % 8 == 4:
        a, b, g, d = (short(10 ** rng.uniform(-8, 8)) for _ in range(4))
    if i % 16 == 8:  # large: customers hardly differ
        a, b, g, d = (short(10 ** rng.uniform(3, 8)) for _ in range(4))
    if i % 7 == 1:
        g = rng.choice([1.0, 1.0 + 2.0**-40, 1.0 - 1e-6])
    return a, b, g, d


def bgbb_rows() -> Iterator[list[object]]:
    rng = random.Random(2)
    for i in range(2000):
        p = parameters(rng, i)
        n = rng.choice([1, 2, 6, 12, 30, 120])
        tx = rng.randrange(n + 1)
        if i % 32 == 7:
            n = rng.choice([1000, 3000])
            tx = rng.randrange(n // 2, n + 1)
        if i % 32 == 23:
            n = 100000
            tx = n - rng.randrange(60)
        x = 0 if tx == 0 else rng.randrange(1, tx + 1)
        value, alive = bgbb_history(*p, x, tx, n)
        yield ["bgbb_log_likelihood", *p, x, tx, n, value]
        if i < 200:
            yield ["bgbb_probability_alive", *p, x, tx, n, alive]
            n = min(n, 1000)
            yield ["bgbb_no_purchase", *p, n, "", "", exp(bgbb_history(*p, 0, 0, n)[0])]
    for i in range(200):
        p = parameters(rng, i)
        t = rng.choice([1, 2, 10, 52, 365, 10000])
        rate = short(10 ** rng.uniform(-6, 0.5))
        buys = mean_chance(p[0], p[1])
        yield ["bgbb_survival", *p, t, "", "", exp(log_kept(p[2], p[3], t))]
        for name, first, scale in (("bgbb", p, buys), ("sbg", [p[2], p[3], "", ""], 1)):
            yield [f"{name}_expected", *first, t, "", "", scale * stays(p[2], p[3], t, 0)]
            yield [f"{name}_discounted", *first, t, rate, "", scale * stays(p[2], p[3], t, rate)]
            yield [f"{name}_discounted", *first, "inf", rate, "", scale * stays(p[2], p[3], math.inf, rate)]
    for i in range(200):
        p = parameters(rng, i)
        n = rng.choice([1, 5, 20, 100, 400])
        k = rng.randrange(1, n + 1)
        yield ["bgbb_pmf", *p, k, n, "", bgbb_pmf(*p, k, n)]


def contract_rows() -> Iterator[list[object]]:
    rng = random.Random(3)
    for i in range(2000):
        for name in ("sbg", "bdw"):
            _, _, leave, stay = parameters(rng, i)
            c = 1.0 if name == "sbg" else short(10 ** rng.uniform(-1.5, 0.7))
            first = [leave, stay, "" if name == "sbg" else c, ""]
            t = rng.choice([0, 1, 2, 5, 12, 50, 1000, 100000])
            until = power(t, c)
            lost = log_lost(leave, stay, until, power(t + 1, c))
            kept = log_kept(leave, stay, until)
            if i % 4 == 3:
                yield [f"{name}_log_likelihood", *first, t, t, "", kept]
            else:
                yield [f"{name}_log_likelihood", *first, t, t + 3, "", lost]
            if i < 200:
                later = log_kept(leave, stay, power(t + 7, c))
                yield [f"{name}_survival", *first, t, 7, "", exp(later - kept)]
                yield [f"{name}_no_purchase", *first, t, 3, "", exp(lost - kept)]
                n = rng.choice([0, 1, 4, 20, 300])
                ends = log_lost(leave, stay, power(t + n, c), power(t + n + 1, c))
                yield [f"{name}_pmf", *first, t, n, n + 2, exp(ends - kept)]
    for i in range(200):
        _, _, leave, stay = parameters(rng, i)
        c = short(10 ** rng.uniform(-0.7, 0.4))
        age = rng.choice([0, 0, 3, 20, 1000])
        t = rng.choice([1, 5, 12, 60])
        rate = short(10 ** rng.uniform(-3, -1))
        first = [leave, stay, c, "", age]
        there = survivals(leave, stay, c, range(age, age + t + 1))
        yield ["bdw_expected", *first, t, "", total(there[1:]) / there[0]]
        yield ["bdw_discounted", *first, t, rate, present(there, rate)]
        # Without end: term by term to e^-45.
        rate = short(10 ** rng.uniform(-0.7, 0.5))
        there = survivals(leave, stay, c, range(age, age + int(45 / rate) + 2))
        yield ["bdw_discounted", *first, "inf", rate, present(there, rate)]


def present(there: list[arb], rate: float) -> arb:
    return total(s * exp(-arb(rate) * k) for k, s in enumerate(there) if k) / there[0]


if __name__ == "__main__":
    header = ["function", "a", "b", "c", "d", "u", "v", "w", "value"]
    ctx.dps = 60
    rows = itertools.chain(rising_rows(), bgbb_rows(), contract_rows())
    write("lifetime_discrete.csv", header, rows, digits=18)
