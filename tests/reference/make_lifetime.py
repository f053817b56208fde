"""Reference values for the special functions and lifetime models, from defining integrals with 50 digits.

Every likelihood and prediction is integrated numerically over the customer's own purchase rate and dropout
probability, never taken from the closed forms or series that the library uses. Writes lifetime_special.csv,
lifetime_models.csv and lifetime_spend.csv beside this file. Needs mpmath; takes a quarter of an hour.

    python make_lifetime.py
"""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import mpmath as mp

mp.mp.dps = 50
FOLDER = Path(__file__).parent
DROP = 80  # nats: the integrand is cut where it is e^-80 = 2e-35 of its peak

Function = Callable[[mp.mpf], mp.mpf]


def log_integral(log_f: Function) -> mp.mpf:
    """ln of the integral over the real line of exp(log_f), log_f with one peak and at least linear tails."""
    # The peak: walk in growing steps, then golden section with few digits.
    low, high = mp.mpf(-1), mp.mpf(1)
    while log_f(low - (high - low)) > log_f(low):
        low -= 2 * (high - low)
    while log_f(high + (high - low)) > log_f(high):
        high += 2 * (high - low)
    low, high = low - (high - low), high + (high - low)
    ratio = (mp.sqrt(5) - 1) / 2
    for _ in range(40):
        c, d = high - ratio * (high - low), low + ratio * (high - low)
        if log_f(c) > log_f(d):
            high = d
        else:
            low = c
    peak = (low + high) / 2
    top = log_f(peak)

    def ends(direction: int) -> list[mp.mpf]:
        step = mp.mpf(1)
        while top - log_f(peak + direction * step) > 1:
            step /= 2
        points = []
        at = peak
        while top - log_f(at) < DROP:
            at += direction * step
            points.append(at)
            step *= mp.mpf("1.6")
        return points

    nodes = [*reversed(ends(-1)), peak, *ends(1)]
    total = mp.mpf(0)
    for low, high in itertools.pairwise(nodes):
        # Always on (0, 1): mpmath keeps the nodes of every interval it has seen.
        width = high - low
        total += width * mp.quad(lambda u, low=low, width=width: mp.exp(log_f(low + width * u) - top), [0, 1])
    return top + mp.log(total)


def logistic(y: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-y))


def log1p_exp(y: mp.mpf) -> mp.mpf:
    return mp.log1p(mp.exp(y))


def log_beta_weight(a: mp.mpf, b: mp.mpf) -> Function:
    """ln of p^a (1 - p)^b at logit p = y: the density of Beta(a, b) times dp/dy, up to its constant."""
    return lambda y: -a * log1p_exp(-y) - b * log1p_exp(y)


def log_mean_beta(a: mp.mpf, b: mp.mpf, log_f: Callable[[mp.mpf, mp.mpf], mp.mpf]) -> mp.mpf:
    """ln E[f(p)], p ~ Beta(a, b); log_f is a function of p and ln(1 - p)."""
    weight = log_beta_weight(a, b)
    return log_integral(lambda y: weight(y) + log_f(logistic(y), -log1p_exp(y))) - mp.log(mp.beta(a, b))


def log_mean_gamma(shape: mp.mpf, rate: mp.mpf, log_f: Function) -> mp.mpf:
    """ln E[f(lambda)], lambda ~ Gamma(shape, rate)."""

    def weight(v: mp.mpf) -> mp.mpf:
        return shape * (v + mp.log(rate)) - rate * mp.exp(v)

    return log_integral(lambda v: weight(v) + log_f(mp.exp(v))) - mp.loggamma(shape)


def histories(r, alpha, a, b, x, tx, T):
    """(ln L, P(alive)) of BG/NBD and of MBG/NBD, which has one chance more to leave.

    L is the mean of (1-p)^k lambda^x e^(-lambda T) + p (1-p)^(k-1) lambda^x e^(-lambda tx) over lambda and p, with k
    chances to leave; the first part is that of the customers still active.
    """
    until_end = log_mean_gamma(r, alpha, lambda u: x * mp.log(u) - u * T)
    until_last = log_mean_gamma(r, alpha, lambda u: x * mp.log(u) - u * tx)
    for k in (x, x + 1):
        active = log_mean_beta(a, b, lambda p, log_q, k=k: k * log_q) + until_end
        if k == 0:
            yield active, mp.mpf(1)
            continue
        left = log_mean_beta(a, b, lambda p, log_q, k=k: mp.log(p) + (k - 1) * log_q) + until_last
        log_likelihood = max(active, left) + mp.log1p(mp.exp(-abs(active - left)))
        yield log_likelihood, mp.exp(active - log_likelihood)


def survival(r, alpha, a, b, t):
    """Given lambda and p the customer is active at t with chance e^(-lambda p t); its mean over lambda is exact."""
    return mp.exp(log_mean_beta(a, b, lambda p, _: -r * mp.log1p(p * t / alpha)))


def expected(r, alpha, a, b, t):
    """Given lambda and p the mean is (1 - e^(-lambda p t)) / p; its mean over lambda is exact."""
    return mp.exp(log_mean_beta(a, b, lambda p, _: mp.log(-mp.expm1(-r * mp.log1p(p * t / alpha)) / p)))


def discounted(r, alpha, a, b, t, rate):
    """Purchases come at the rate lambda e^(-lambda p s); integrate e^(-rate s) times its mean over lambda first."""

    def endless(z: mp.mpf) -> mp.mpf:
        # Integral of e^(-z v) (1 + v)^-(r + 1) over v > 0.
        return z**r * mp.exp(z) * mp.gammainc(-r, z)

    def log_f(p: mp.mpf, _: mp.mpf) -> mp.mpf:
        z = alpha * rate / p
        end = mp.exp(-rate * t)
        if z > 1e16:  # (1 + p s / alpha)^-(r + 1) is a straight line in s as far as e^(-rate s) reaches
            first = (1 - end) / rate
            second = (1 - end * (1 + rate * t if end else 1)) / rate**2
            return mp.log(r / alpha * (first - (r + 1) * p / alpha * second))
        value = endless(z)
        if end:
            value -= end * (1 + p * t / alpha) ** -r * endless(z + rate * t)
        return mp.log(r / p * value)

    return mp.exp(log_mean_beta(a, b, log_f))


def pmf(r, alpha, a, b, n, t):
    """Active with n purchases, or left at the n-th within t: means over lambda and p of the exact chances."""
    poisson = log_mean_gamma(r, alpha, lambda u: n * mp.log(u * t) - u * t - mp.loggamma(n + 1))
    active = mp.exp(log_mean_beta(a, b, lambda p, log_q: n * log_q) + poisson)
    if n == 0:
        return active
    reached = mp.exp(log_mean_gamma(r, alpha, lambda u: mp.log(mp.gammainc(n, 0, u * t, regularized=True))))
    return active + mp.exp(log_mean_beta(a, b, lambda p, log_q: mp.log(p) + (n - 1) * log_q)) * reached


def spend_log_likelihood(p, q, gamma, x, m):
    """The mean of x purchases is Gamma(p x, rate nu x); mean over nu ~ Gamma(q, rate gamma)."""
    return log_mean_gamma(
        q, gamma, lambda nu: p * x * mp.log(nu * x) + (p * x - 1) * mp.log(m) - nu * x * m - mp.loggamma(p * x)
    )


def spend_expected(p, q, gamma, x, m):
    """E[p / nu | x, m]."""
    like = spend_log_likelihood(p, q, gamma, x, m)
    joint = log_mean_gamma(
        q,
        gamma,
        lambda nu: mp.log(p / nu) + p * x * mp.log(nu * x) + (p * x - 1) * mp.log(m) - nu * x * m - mp.loggamma(p * x),
    )
    return mp.exp(joint - like)


def write(name: str, header: list[str], rows: Iterator[list[object]]) -> None:
    with (FOLDER / name).open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        for row in rows:
            out.writerow([mp.nstr(v, 20) if isinstance(v, mp.mpf) else v for v in row])
            file.flush()
    print(name, flush=True)


def special_rows() -> Iterator[list[object]]:
    rng = random.Random(1)

    def positive(low: float, high: float) -> float:
        return 10 ** rng.uniform(low, high)

    for i in range(120):
        z = positive(-8, 8) if i % 3 else rng.uniform(0.5, 12)
        yield ["log_gamma", z, "", "", mp.loggamma(mp.mpf(z))]
        yield ["digamma", z, "", "", mp.digamma(mp.mpf(z))]
        yield ["trigamma", z, "", "", mp.psi(1, mp.mpf(z))]
    for i in range(150):
        z, n = positive(-8, 8), float(rng.randrange(100)) if i % 2 else positive(-3, 5)
        yield ["log_rising", z, n, "", mp.loggamma(mp.mpf(z) + mp.mpf(n)) - mp.loggamma(mp.mpf(z))]
    for i in range(100):
        # About where the function is neither 0 nor 1, and sometimes anywhere.
        a, b = positive(-2, 4), positive(-2, 3)
        spread = (a * b) ** 0.5 / (a + b) / (a + b + 1) ** 0.5
        x = min(max(a / (a + b) + rng.gauss(0, 1.5) * spread, 1e-6), 1 - 1e-6) if i % 4 else rng.random()
        with mp.workdps(80):
            value = mp.exp(log_integral_upto(mp.mpf(a), mp.mpf(b), mp.mpf(x))) / mp.beta(a, b)
        yield ["incomplete_beta", a, b, x, +value]
    for _ in range(150):
        n, z = positive(-2, 4), positive(-6, 4)
        log_f = log_scaled_gamma(mp.mpf(n), mp.mpf(z))
        yield ["scaled_upper_gamma", n, z, "", mp.exp(log_integral(log_f))]


def log_integral_upto(a: mp.mpf, b: mp.mpf, x: mp.mpf) -> mp.mpf:
    """ln of the integral of p^(a-1) (1-p)^(b-1) over (0, x): y = logit(x) - e^w maps it to the real line."""
    weight = log_beta_weight(a, b)
    end = mp.log(x / (1 - x))
    return log_integral(lambda w: weight(end - mp.exp(w)) + w)


def log_scaled_gamma(n: mp.mpf, z: mp.mpf) -> Function:
    """Integral over v > 0 of e^(-z v) (1 + v)^-(n + 1), v = e^w."""
    return lambda w: w - z * mp.exp(w) - (n + 1) * mp.log1p(mp.exp(w))


def parameters(rng: random.Random, i: int) -> tuple[float, float, float, float]:
    if i % 4 == 0:  # the extremes
        r, alpha = 10 ** rng.uniform(-3, 3), 10 ** rng.uniform(-4, 4)
        a, b = 10 ** rng.uniform(-3, 2), 10 ** rng.uniform(-3, 3)
    else:
        r, alpha = 10 ** rng.uniform(-1, 0.7), 10 ** rng.uniform(-0.5, 1.5)
        a, b = 10 ** rng.uniform(-0.7, 0.7), 10 ** rng.uniform(-0.7, 1)
    if i % 7 == 1:
        a = rng.choice([1.0, 1.0 + 2.0**-40, 1.0 - 1e-6])
    if i % 11 == 3:
        a, b = 0.3, 0.2
    return r, alpha, a, b


def model_rows() -> Iterator[list[object]]:
    rng = random.Random(2)
    for i in range(80):
        p = parameters(rng, i)
        T = p[1] * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5))
        x = rng.choice([0, 1, 2, 3, 5, 10, 30, 100])
        if i % 8 == 3:
            x = rng.choice([1000, 20000, 100000])
        tx = 0.0 if x == 0 else T * (1.0 - 10 ** rng.uniform(-12, 0)) if i % 3 else T * rng.random()
        m = [mp.mpf(v) for v in p]
        for name, (value, alive) in zip(("bg", "mbg"), histories(*m, x, mp.mpf(tx), mp.mpf(T)), strict=True):
            yield [f"{name}_log_likelihood", *p, x, tx, T, value]
            yield [f"{name}_probability_alive", *p, x, tx, T, alive]
    for i in range(80):
        p = parameters(rng, i)
        if i % 6 == 5:  # what a heavy buyer's process looks like
            x = rng.choice([10, 100, 1000, 100000])
            p = (p[0] + x, p[1] * 10, p[2], p[3] + x)
        t = p[1] * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5))
        m = [mp.mpf(v) for v in p]
        yield ["expected", *p, t, "", "", expected(*m, mp.mpf(t))]
        yield ["survival", *p, t, "", "", survival(*m, mp.mpf(t))]
    for i in range(40):
        p = parameters(rng, i)
        n = rng.choice([0, 1, 2, 5, 20, 200])
        t = p[1] * 10 ** rng.uniform(-2, 2)
        m = [mp.mpf(v) for v in p]
        yield ["pmf", *p, n, t, "", pmf(*m, n, mp.mpf(t))]
    for i in range(24):
        p = parameters(rng, i)
        if i % 6 == 5:
            p = (p[0] + 30, p[1] * 10, p[2], p[3] + 30)
        t = p[1] * 10 ** rng.uniform(-2, 2)
        rate = 10 ** rng.uniform(-3, 1) / p[1]
        m = [mp.mpf(v) for v in p]
        with mp.workdps(26):
            yield ["discounted", *p, t, rate, "", discounted(*m, mp.mpf(t), mp.mpf(rate))]
            yield ["discounted", *p, "inf", rate, "", discounted(*m, mp.inf, mp.mpf(rate))]


def spend_rows() -> Iterator[list[object]]:
    rng = random.Random(3)
    for i in range(120):
        wide = 3 if i % 4 == 0 else 1
        p, q, gamma = (10 ** rng.uniform(-wide, wide) for _ in range(3))
        x = rng.choice([1, 2, 5, 20, 1000 if i % 4 == 1 else 3])
        m = 10 ** rng.uniform(-2, 4)
        v = [mp.mpf(p), mp.mpf(q), mp.mpf(gamma), mp.mpf(x), mp.mpf(m)]
        yield ["log_likelihood", p, q, gamma, x, m, spend_log_likelihood(*v)]
        if p * x + q > 1.2:  # else the mean is infinite, or its integral converges too slowly
            yield ["expected_spend", p, q, gamma, x, m, spend_expected(*v)]


if __name__ == "__main__":
    write("lifetime_special.csv", ["function", "a", "b", "c", "value"], special_rows())
    write("lifetime_spend.csv", ["function", "p", "q", "gamma", "x", "m", "value"], spend_rows())
    write("lifetime_models.csv", ["function", "r", "alpha", "a", "b", "u", "v", "w", "value"], model_rows())
