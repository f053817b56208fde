"""Reference values for the models of whole periods, from defining integrals with 50 digits.

Chances of buying and of leaving are integrated numerically over their beta laws, by the trapezoidal rule in logit(p),
and what a customer may do is added up opportunity by opportunity; no closed form in gamma, beta or hypergeometric
functions is used, but for the constants of the beta laws. Ratios of gamma functions are taken with 50 digits. Writes
lifetime_discrete.csv beside this file. Needs mpmath; takes some minutes.

    python make_lifetime_discrete.py
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import mpmath as mp

mp.mp.dps = 50
FOLDER = Path(__file__).parent
DROP = 75  # nats: the grid ends where the integrand is e^-75 = 3e-33 of its peak


class BetaGrid:
    """Points and weights of means over p ~ Beta(a, b) of functions like p^x (1 - p)^m, first <= m <= last."""

    def __init__(self, a: float, b: float, x: float = 0, first: float = 0, last: float = 0) -> None:
        a, b = mp.mpf(a), mp.mpf(b)
        up, down, further = a + x, b + first, b + last
        # The error of the rule is exp(-2 pi d / h) with the poles at distance d = pi, and exp(-2 pi^2 / (k h^2)) where
        # the integrand is a narrow peak of curvature k.
        h = min(mp.mpf("0.25"), mp.mpf("0.5") / mp.sqrt(up * further / (up + further)))
        low = mp.log(up / further) - mp.sqrt(2 * DROP * (1 / up + 1 / further)) - (DROP + 3) / up
        high = mp.log(up / down) + mp.sqrt(2 * DROP * (1 / up + 1 / down)) + (DROP + 3) / down
        self.stay: list[mp.mpf] = []
        self.p: list[mp.mpf] = []
        self.weight: list[mp.mpf] = []
        log_constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
        for k in range(int(mp.ceil((high - low) / h)) + 1):
            y = low + k * h
            log_p, log_q = -mp.log1p(mp.exp(-y)), -mp.log1p(mp.exp(y))
            self.p.append(mp.exp(log_p))
            self.stay.append(mp.exp(log_q))
            self.weight.append(h * mp.exp(a * log_p + b * log_q + log_constant))

    def mean(self, f: Callable[[mp.mpf, mp.mpf], mp.mpf]) -> mp.mpf:
        return mp.fsum(w * f(p, q) for w, p, q in zip(self.weight, self.p, self.stay, strict=True))

    def moments(self, x: int, first: int, count: int) -> list[mp.mpf]:
        """E[p^x (1 - p)^m] for m = first, first + 1, ..., `count` of them."""
        values = [w * p**x * q**first for w, p, q in zip(self.weight, self.p, self.stay, strict=True)]
        result = []
        for _ in range(count):
            result.append(mp.fsum(values))
            values = [v * q for v, q in zip(values, self.stay, strict=True)]
        return result


def bgbb_history(alpha, beta, gamma, delta, x, tx, n):
    """(ln L, P(alive)): p^x (1-p)^(k-x) theta (1-theta)^k for leaving after k, and the same with k = n for staying."""
    silent = BetaGrid(alpha, beta, x, tx - x, n - x).moments(x, tx - x, n - tx + 1)
    leaving = BetaGrid(gamma, delta, 1, tx, n).moments(1, tx, n - tx + 1)
    stayed = silent[-1] * BetaGrid(gamma, delta, 0, n, n).moments(0, n, 1)[0]
    total = stayed + mp.fsum(s * g for s, g in zip(silent[:-1], leaving[:-1], strict=True))
    return mp.log(total), stayed / total


def bgbb_expected(alpha, beta, gamma, delta, t, rate):
    """E[p] times the sum over opportunities of E[(1 - theta)^i] e^(-rate i), which is geometric for each theta."""
    buys = BetaGrid(alpha, beta, 1).mean(lambda p, q: p)
    v = mp.exp(-mp.mpf(rate))

    def total(theta: mp.mpf, stay: mp.mpf) -> mp.mpf:
        ratio = v * stay
        rest = theta if rate == 0 else -mp.expm1(-mp.mpf(rate)) + v * theta  # 1 - ratio
        if t == mp.inf:
            return ratio / rest
        return ratio * -mp.expm1(t * mp.log1p(-rest)) / rest

    return buys * BetaGrid(gamma, delta, 0, 0, min(t, 100000)).mean(total)


def bgbb_pmf(alpha, beta, gamma, delta, k, n):
    """Leaving after j opportunities with k purchases in them, for j < n, or staying through all n."""
    count = n - k + 1
    buys = BetaGrid(alpha, beta, k, 0, n - k).moments(k, 0, count)
    leaves = BetaGrid(gamma, delta, 1, k, n).moments(1, k, count)
    stays = BetaGrid(gamma, delta, 0, n, n).moments(0, n, 1)[0]
    ways = [mp.binomial(k + i, k) for i in range(count)]
    gone = mp.fsum(w * b * g for w, b, g in zip(ways[:-1], buys[:-1], leaves[:-1], strict=True))
    return gone + ways[-1] * buys[-1] * stays


def survivals(leave, stay, c, times):
    """E[(1 - theta)^(t^c)] for each t."""
    most = max((mp.mpf(t) ** c for t in times), default=0)
    grid = BetaGrid(leave, stay, 0, 0, most)
    logs = [mp.log(q) if q < 0.5 else mp.log1p(-p) for p, q in zip(grid.p, grid.stay, strict=True)]
    return [
        mp.fsum(w * mp.exp(power * log_q) for w, log_q in zip(grid.weight, logs, strict=True))
        for power in (mp.mpf(t) ** c for t in times)
    ]


def loss(leave, stay, c, t):
    """E[(1 - theta)^(t^c) - (1 - theta)^((t + 1)^c)], the chance of being lost at renewal t + 1."""
    first, second = mp.mpf(t) ** c, mp.mpf(t + 1) ** c
    grid = BetaGrid(leave, stay, 0, 0, second)

    def chance(p: mp.mpf, q: mp.mpf) -> mp.mpf:
        log_q = mp.log(q) if q < 0.5 else mp.log1p(-p)
        return mp.exp(first * log_q) * -mp.expm1((second - first) * log_q)

    return grid.mean(chance)


def rising_rows() -> Iterator[list[object]]:
    rng = random.Random(1)
    log_gamma = mp.loggamma
    for i in range(300):
        z, g = 10 ** rng.uniform(-8, 8), 10 ** rng.uniform(-8, 8)
        n = float(rng.choice([1, 2, 5, 20, 300, 10000])) if i % 3 else 10 ** rng.uniform(-9, 9)
        if i % 10 == 9:  # down to -z / 2
            z, g, n = z + 2, -rng.random(), max(1.0, n)
        Z, G, N = mp.mpf(z), mp.mpf(g), mp.mpf(n)

        def mixed(f, Z=Z, G=G, N=N):
            return f(Z + G + N) - f(Z + G) - f(Z + N) + f(Z)

        yield ["log_rising_ratio", z, g, n, "", "", "", "", mixed(log_gamma)]
        if g > 0 and i % 2 == 0:
            d, t = (lambda v: mp.psi(0, v)), (lambda v: mp.psi(1, v))
            yield ["rising_z", z, g, n, "", "", "", "", mixed(d)]
            yield ["rising_g", z, g, n, "", "", "", "", d(Z + G + N) - d(Z + G)]
            yield ["rising_n", z, g, n, "", "", "", "", d(Z + G + N) - d(Z + N)]
            yield ["rising_zz", z, g, n, "", "", "", "", mixed(t)]
            yield ["rising_gg", z, g, n, "", "", "", "", t(Z + G + N) - t(Z + G)]
            yield ["rising_nn", z, g, n, "", "", "", "", t(Z + G + N) - t(Z + N)]
            yield ["rising_gn", z, g, n, "", "", "", "", t(Z + G + N)]


def parameters(rng: random.Random, i: int) -> tuple[float, float, float, float]:
    wide = 2.0 if i % 4 == 0 else 0.7
    a, b, g, d = (10 ** rng.uniform(-min(wide, 1.0), wide) for _ in range(4))
    if i % 8 == 4:  # large: customers hardly differ
        a, b, g, d = (10 ** rng.uniform(3, 5) for _ in range(4))
    if i % 7 == 1:
        g = rng.choice([1.0, 1.0 + 2.0**-40, 1.0 - 1e-6])
    return a, b, g, d


def bgbb_rows() -> Iterator[list[object]]:
    rng = random.Random(2)
    for i in range(64):
        p = parameters(rng, i)
        n = rng.choice([1, 2, 6, 12, 30, 120])
        if i % 16 == 7:
            n = rng.choice([1000, 3000])
        tx = rng.randrange(n + 1)
        x = 0 if tx == 0 else rng.randrange(1, tx + 1)
        value, alive = bgbb_history(*p, x, tx, n)
        yield ["bgbb_log_likelihood", *p, x, tx, n, value]
        yield ["bgbb_probability_alive", *p, x, tx, n, alive]
        if i % 4 == 1:
            value, _ = bgbb_history(*p, 0, 0, n)
            yield ["bgbb_no_purchase", *p, n, "", "", mp.exp(value)]
    for i in range(60):
        p = parameters(rng, i)
        t = rng.choice([1, 2, 10, 52, 365, 10000])
        rate = 10 ** rng.uniform(-6, 0.5)
        yield ["bgbb_expected", *p, t, "", "", bgbb_expected(*p, t, 0)]
        yield ["bgbb_discounted", *p, t, rate, "", bgbb_expected(*p, t, rate)]
        yield ["bgbb_discounted", *p, "inf", rate, "", bgbb_expected(*p, mp.inf, rate)]
        yield ["sbg_expected", p[2], p[3], "", "", t, "", "", bgbb_expected(1, 1, p[2], p[3], t, 0) * 2]
        yield ["sbg_discounted", p[2], p[3], "", "", "inf", rate, "", bgbb_expected(1, 1, p[2], p[3], mp.inf, rate) * 2]
    for i in range(40):
        p = parameters(rng, i)
        n = rng.choice([1, 5, 20, 100, 400])
        k = rng.randrange(1, n + 1)
        yield ["bgbb_pmf", *p, k, n, "", bgbb_pmf(*p, k, n)]


def contract_rows() -> Iterator[list[object]]:
    rng = random.Random(3)
    for i in range(80):
        _, _, leave, stay = parameters(rng, i)
        c = 1.0 if i % 5 == 0 else 10 ** rng.uniform(-0.7, 0.4)
        t = rng.choice([0, 1, 2, 5, 12, 50, 1000])
        name = "sbg" if i % 5 == 0 else "bdw"
        lost = mp.log(loss(leave, stay, mp.mpf(c), t))
        kept = survivals(leave, stay, mp.mpf(c), [t, t + 7])
        yield [f"{name}_log_likelihood", leave, stay, c, "", t, t + 3, "", lost]
        yield [f"{name}_log_likelihood", leave, stay, c, "", t, t, "", mp.log(kept[0])]
        yield [f"{name}_survival", leave, stay, c, "", t, 7, "", kept[1] / kept[0]]
    for i in range(30):
        _, _, leave, stay = parameters(rng, i)
        c = 10 ** rng.uniform(-0.7, 0.4)
        age = rng.choice([0, 0, 3, 20])
        t = rng.choice([1, 5, 30, 200])
        rate = 10 ** rng.uniform(-3, -1)
        there = survivals(leave, stay, mp.mpf(c), range(age, age + t + 1))
        yield ["bdw_expected", leave, stay, c, "", age, t, "", mp.fsum(there[1:]) / there[0]]
        total = mp.fsum(s * mp.exp(-mp.mpf(rate) * k) for k, s in enumerate(there) if k) / there[0]
        yield ["bdw_discounted", leave, stay, c, "", age, t, rate, total]
    for i in range(6):  # endless: term by term to e^-50
        _, _, leave, stay = parameters(rng, i)
        c, rate = 10 ** rng.uniform(-0.7, 0.3), 0.05 * (i + 1)
        with mp.workdps(30):
            there = survivals(leave, stay, mp.mpf(c), range(int(50 / rate)))
        total = mp.fsum(s * mp.exp(-mp.mpf(rate) * k) for k, s in enumerate(there) if k)
        yield ["bdw_discounted", leave, stay, c, "", 0, "inf", rate, total]


def extreme_rows() -> Iterator[list[object]]:
    """Parameters from 3e-3 to 1e8, each on its own."""
    rng = random.Random(4)
    for _ in range(14):
        p = tuple(10 ** rng.uniform(-2.5, 8) for _ in range(4))
        n = rng.choice([1, 3, 12])
        tx = rng.randrange(n + 1)
        x = 0 if tx == 0 else rng.randrange(1, tx + 1)
        value, alive = bgbb_history(*p, x, tx, n)
        yield ["bgbb_log_likelihood", *p, x, tx, n, value]
        yield ["bgbb_probability_alive", *p, x, tx, n, alive]
        t, rate = rng.choice([1, 100, 10000]), 10 ** rng.uniform(-6, 0)
        yield ["bgbb_expected", *p, t, "", "", bgbb_expected(*p, t, 0)]
        yield ["bgbb_discounted", *p, "inf", rate, "", bgbb_expected(*p, mp.inf, rate)]
        k = rng.randrange(1, n + 1)
        yield ["bgbb_pmf", *p, k, n, "", bgbb_pmf(*p, k, n)]
        leave, stay, c = p[0], p[1], 10 ** rng.uniform(-1.5, 0.7)
        kept = survivals(leave, stay, mp.mpf(c), [t, t + 7])
        yield ["bdw_log_likelihood", leave, stay, c, "", t, t + 3, "", mp.log(loss(leave, stay, mp.mpf(c), t))]
        yield ["bdw_survival", leave, stay, c, "", t, 7, "", kept[1] / kept[0]]


def rows() -> Iterator[list[object]]:
    for part in (rising_rows, bgbb_rows, contract_rows, extreme_rows):
        yield from part()
        print(part.__name__, flush=True)


if __name__ == "__main__":
    with (FOLDER / "lifetime_discrete.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["function", "a", "b", "c", "d", "u", "v", "w", "value"])
        for row in rows():
            out.writerow([mp.nstr(v, 20) if isinstance(v, mp.mpf) else v for v in row])
            file.flush()
