"""Reference values for Pareto/GGG, by nested rules in double precision that are right to 1e-12 (1e-10 for purchases).

Likelihood, P(alive) and P(no purchase): lambda and mu integrated in closed form given k and the time of leaving, over
which the integral is taken numerically, never as the sum over purchases that were due which the library integrates. Of
purchases ahead the chances of n or more, and means as their sums: three nested integrals, over k, the time of leaving
and the gap after the last purchase, where the library has the share of that gap in the sum of n. `--check` compares the
likelihoods with the triple integral over k, lambda and the time of leaving, and the first ones with 50 digits (minutes
each). Writes lifetime_ggg.csv beside this file. Needs python-flint, NumPy and SciPy; takes some minutes.

    python make_lifetime_ggg.py [--check]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb
from precise import exp, log, log1p, log_integral, log_sum, log_until, loggamma, write
from scipy import special


@dataclass
class Row:
    """Parameters and a history."""

    t: float
    gamma: float
    r: float
    alpha: float
    s: float
    beta: float
    x: float
    tx: float
    T: float
    gaps: float | None

    def values(self) -> list[object]:
        gaps = "" if self.gaps is None else self.gaps
        return [self.t, self.gamma, self.r, self.alpha, self.s, self.beta, self.x, self.tx, self.T, gaps]


def log_before(row: Row, k: arb) -> arb:
    """ln of the density of k along ln k and of the purchases, lambda integrated, without the running gap."""
    x = arb(row.x)
    prior = row.t * log(arb(row.gamma) * k) - row.gamma * k - loggamma(arb(row.t))
    n = row.r + k * x
    rate = loggamma(n) - loggamma(arb(row.r)) + row.r * log(row.alpha) - n * log(row.alpha + k * row.tx)
    if row.x == 0:
        return prior + rate
    if row.gaps is None:  # the density of their sum, over that of x purchases spread evenly
        even = loggamma(x) - (x - 1) * log(row.tx)
        gaps = k * x * log(k) + (k * x - 1) * log(row.tx) - loggamma(k * x) + even
    else:
        gaps = k * x * log(k) + (k - 1) * row.gaps - x * loggamma(k)
    return prior + rate + gaps


def log_due_later(row: Row, k: arb, u: arb) -> arb:
    """ln P(the running gap exceeds u)."""
    n = row.r + k * row.x
    a = row.alpha + k * row.tx
    return log((a / (a + k * u)).beta_lower(n, k, regularized=True))


def log_stay(row: Row, u: arb) -> arb:
    return -row.s * log1p(u / arb(row.beta))


def log_leave(row: Row, u: arb) -> arb:
    return log(row.s) + row.s * log(row.beta) - (row.s + 1) * log(row.beta + u)


def weights(row: Row, fall: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes k and ln of the weights of the trapezoidal rule over ln k, without the running gap."""

    def before(y: np.ndarray) -> np.ndarray:
        values = np.array([float(log_before(row, arb(v).exp()).mid()) for v in y])
        return np.where(np.isfinite(values), values, -np.inf)

    coarse = np.linspace(-60, 12, 2881)
    values = before(coarse)
    there = coarse[values > values.max() - fall]
    y, step = np.linspace(there[0] - 0.05, there[-1] + 0.05, nodes, retstep=True)
    return np.exp(y), before(y) + math.log(step)


def history(row: Row, ahead: float) -> tuple[float, float, float]:
    """(ln L, P(alive), P(no purchase until T + ahead | alive))."""
    k, log_w = weights(row, 150, 900)  # so far that those who are still active are seen where hardly anybody is
    top = log_w.max()
    w = np.exp(log_w - top)
    n, a = row.r + k * row.x, row.alpha + k * row.tx
    node, _, weight = double_exponential(241)

    def later(u: np.ndarray | float) -> np.ndarray:
        z = k[:, None] * np.atleast_1d(u)[None, :]
        return special.betainc(n[:, None], k[:, None], a[:, None] / (a[:, None] + z))

    def left(low: float, high: float) -> np.ndarray:
        u = low + (high - low) * node - row.tx
        if low == row.tx:
            u = (high - low) * node
        leave = row.s / row.beta * (1 + (row.tx + u) / row.beta) ** (-row.s - 1)
        return (later(u) * leave * weight).sum(1) * (high - low)

    def stay(y: float) -> np.ndarray:
        return later(y - row.tx)[:, 0] * (1 + y / row.beta) ** -row.s

    alive = (w * stay(row.T)).sum()
    gone = (w * left(row.tx, row.T)).sum() if row.tx < row.T else 0.0
    silent = (w * (left(row.T, row.T + ahead) + stay(row.T + ahead))).sum()
    return top + math.log(alive + gone), alive / (alive + gone), silent / alive


def likelihood(row: Row) -> arb:
    """ln L with 50 digits."""
    tx, T = arb(row.tx), arb(row.T)

    def log_row(y: arb) -> arb:
        k = exp(y)
        stayed = log_stay(row, T) + log_due_later(row, k, T - tx)
        if row.tx == row.T:
            return log_before(row, k) + stayed
        left = log_until(tx, T, lambda y: log_leave(row, y) + log_due_later(row, k, y - tx))
        return log_before(row, k) + log_sum(stayed, left)

    return log_integral(log_row)


def triple(row: Row) -> float:
    """ln L over k, lambda and the time of leaving, on a grid: good to 1e-6 where a heavy buyer makes peaks narrow."""
    y = np.linspace(-30, 5, 701)  # for small t the density of k falls but as k^t
    k = np.exp(y)[:, None, None]
    z = np.linspace(-70, 8, 781)  # for x = 0 the density of ln lambda falls but as e^(r z)
    rate = np.exp(z)[None, :, None]
    w, dw = np.linspace(-36, 36, 289, retstep=True)
    part = special.expit(w)[None, None, :]
    u = (row.T - row.tx) * part
    x = row.x
    known = row.t * (np.log(row.gamma) + np.log(k)) - row.gamma * k - special.gammaln(row.t)
    if x:
        gaps = row.gaps
        if gaps is None:
            known = known + special.gammaln(x) - special.gammaln(k * x) + (k - 1) * x * math.log(row.tx)
        else:
            known = known - x * special.gammaln(k) + (k - 1) * gaps
    known = known + row.r * (math.log(row.alpha) + np.log(rate)) - special.gammaln(row.r) - row.alpha * rate
    known = known + k * x * np.log(k * rate) - k * rate * row.tx
    leave = row.s * row.beta**row.s * (row.beta + row.tx + u) ** (-row.s - 1)
    left = (special.gammaincc(k, k * rate * u) * leave * u * special.expit(-w)).sum(2) * dw
    stay = special.gammaincc(k, k * rate * (row.T - row.tx))[:, :, 0] * (1 + row.T / row.beta) ** -row.s
    return math.log((np.exp(known[:, :, 0]) * (left + stay)).sum() * (y[1] - y[0]) * (z[1] - z[0]))


def double_exponential(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes in (0, 1), what is left to 1, weights."""
    h = np.linspace(-3.3, 3.3, n)
    e = np.pi / 2 * np.sinh(h)
    weights = np.pi * np.cosh(h) * special.expit(2 * e) * special.expit(-2 * e) * (h[1] - h[0])
    return special.expit(2 * e), special.expit(-2 * e), weights


def purchases(row: Row, t: float, rate: float, most: int) -> np.ndarray:
    """P(n or more purchases within t | alive), each discounted at a continuous rate, for n = 1 ... most."""
    nodes, log_w = weights(row, 32, 50)
    tau = row.T - row.tx
    node, rest, weight = double_exponential(61)
    scale = row.beta + row.T
    if math.isinf(t):  # along v / (v + scale)
        ends, jacobian = scale * node / rest, scale / rest**2
    else:
        ends, jacobian = t * node, np.full_like(node, t)
    stay = (1 + ends / scale) ** -row.s * np.exp(-rate * ends)
    # - d/dv of staying and discounting: the time at which the horizon closes.
    leave = (row.s / (scale + ends) + rate) * stay * jacobian * weight
    if not math.isinf(t):
        ends = np.append(ends, t)
        leave = np.append(leave, (1 + t / scale) ** -row.s * math.exp(-rate * t))
    result, mass = np.zeros(most), 0.0
    for log_weight, k in zip(log_w, nodes, strict=True):
        n, a = row.r + k * row.x, row.alpha + k * row.tx
        w = math.exp(log_weight - log_w.max())
        alive = special.betainc(n, k, a / (a + k * tau))
        mass += w * alive
        if tau == 0:
            z = k * ends / (a + k * ends)
            for i in range(most):
                part = w * (special.betainc((i + 1) * k, n, z) * leave).sum()
                result[i] += part
                if part < 1e-13 * result[0] and i > 3:
                    break
            continue
        u = tau + ends[:, None] * node[None, :]
        gap = np.exp(k * np.log(k * u / a) - (n + k) * np.log1p(k * u / a) - special.betaln(k, n)) / u
        gap *= ends[:, None] * weight[None, :]
        z = k * ends[:, None] * rest[None, :] / (a + k * (tau + ends[:, None]))
        for i in range(most):
            later = 1.0 if i == 0 else special.betainc(i * k, n + k, z)
            part = w * ((gap * later).sum(1) * leave).sum()
            result[i] += part
            if part < 1e-13 * result[0] and i > 3:
                break
    return result / mass


CDNOW = (5.0, 3.0, 0.553, 10.578, 0.606, 11.669)
HISTORIES = [
    Row(*CDNOW, 0, 0, 39, 0),
    Row(*CDNOW, 2, 30.43, 38.86, 5.0),
    Row(*CDNOW, 2, 30.43, 38.86, None),
    Row(*CDNOW, 26, 30.86, 31, 2.4),
    Row(*CDNOW, 10, 12, 39, 1.0),
    Row(*CDNOW, 1, 0.14, 39, -1.966),
    Row(*CDNOW, 7, 35, 35, 11.0),
    Row(0.6, 0.4, 0.553, 10.578, 0.606, 11.669, 0, 0, 39, 0),
    Row(0.6, 0.4, 1.5, 4, 2.5, 40, 3, 9, 20, -4.0),
    Row(1, 1, 1, 1, 1, 1, 1, 1, 1, 0),
    Row(1, 1, 1, 1, 1, 1, 0, 0, 1, 0),
    Row(40, 10, 2, 8, 0.5, 10, 12, 50, 60, 16.9),
    Row(40, 10, 2, 8, 0.5, 10, 12, 50, 90, 16.9),
    Row(300, 300, 0.553, 10.578, 0.606, 11.669, 2, 30.43, 38.86, 5.0),
    Row(2e4, 1e4, 0.8, 6, 1.2, 30, 4, 25, 30, 7.0),
    Row(3, 0.05, 4, 20, 0.4, 6, 6, 30, 37, 9.5),
    Row(3, 0.05, 4, 20, 0.4, 6, 6, 30, 31, 9.655),
    Row(2, 4, 0.05, 0.3, 0.02, 0.001, 1, 1, 200, 0.0),
    Row(2, 4, 20, 900, 15, 4000, 5, 160, 260, 15.0),
    Row(4, 3, 0.6, 9, 0.7, 12, 150, 100, 103, -90.0),
    Row(4, 3, 0.6, 9, 0.7, 12, 150, 100, 140, -90.0),
    Row(4, 3, 0.6, 9, 0.7, 12, 3, 0.002, 30, -25.0),
    Row(4, 3, 0.6, 9, 0.7, 12, 5, 20, 30, -200.0),
    Row(0.3, 2, 0.3, 2, 0.3, 2, 4, 20, 25, -3.0),
    Row(1.5, 1.5, 0.553, 10578, 0.606, 11669, 2, 30430, 38860, 18.5),
]
AHEAD = [
    (6, 39.0, 0.0), (1, 39.0, 0.0), (8, 15.0, 0.0), (2, 39.0, 0.01), (14, 5.0, 0.01),
    (1, math.inf, 0.05), (11, 30.0, 0.0),
]  # fmt: skip


def table() -> Iterator[list[object]]:
    for number, row in enumerate(HISTORIES):
        ahead = round(0.7 * row.T, 3)
        log_likelihood, alive, silent = history(row, ahead)
        print(number, log_likelihood, alive, silent, flush=True)
        yield ["log_likelihood", *row.values(), "", "", log_likelihood]
        yield ["probability_alive", *row.values(), "", "", alive]
        yield ["no_purchase", *row.values(), ahead, "", silent]
    for number, t, rate in AHEAD:
        row = HISTORIES[number]
        chances = purchases(row, t, rate, 400)
        print(number, t, rate, chances[:3], chances.sum(), chances[-1], flush=True)
        if rate == 0.0:
            for n in (1, 2, 5):
                yield ["at_least", *row.values(), n, t, float(chances[n - 1])]
        yield ["discounted", *row.values(), t, rate, float(chances.sum())]


if __name__ == "__main__":
    if "--check" in sys.argv:
        for row in HISTORIES[:14]:
            print(history(row, row.T)[0], triple(row), flush=True)
        for row in HISTORIES[:4]:
            print(history(row, row.T)[0], likelihood(row).str(20), flush=True)
    else:
        header = "function,t,gamma,r,alpha,s,beta,x,tx,T,log_gap_sum,u,v,value".split(",")
        write("lifetime_ggg.csv", header, table())
