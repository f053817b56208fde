"""Reference values for the special functions and lifetime models, from defining integrals with 50 digits.

Every likelihood and prediction is integrated numerically over the customer's own purchase rate and dropout
probability, never taken from the closed forms or series that the library uses. Writes lifetime_special.csv,
lifetime_models.csv and lifetime_spend.csv beside this file. Needs python-flint; takes a few minutes.

    python make_lifetime.py
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from flint import arb
from precise import (
    Function,
    exp,
    expm1,
    log,
    log1p,
    log1p_exp,
    log_beta,
    log_integral,
    log_mean_beta,
    log_mean_gamma,
    log_sum,
    log_until,
    loggamma,
    short,
    write,
)


def histories(r, alpha, a, b, x, tx, T):
    """(ln L, P(alive)) of BG/NBD and of MBG/NBD, which has one chance more to leave.

    L is the mean of (1-p)^k lambda^x e^(-lambda T) + p (1-p)^(k-1) lambda^x e^(-lambda tx) over lambda and p, with k
    chances to leave; the first part is that of the customers still active.
    """
    until_end = log_mean_gamma(r, alpha, lambda u: x * log(u) - u * T)
    until_last = log_mean_gamma(r, alpha, lambda u: x * log(u) - u * tx)
    for k in (x, x + 1):
        active = log_mean_beta(a, b, lambda p, log_q, k=k: k * log_q) + until_end
        if k == 0:
            yield active, arb(1)
            continue
        left = log_mean_beta(a, b, lambda p, log_q, k=k: log(p) + (k - 1) * log_q) + until_last
        log_likelihood = log_sum(active, left)
        yield log_likelihood, exp(active - log_likelihood)


def survival(r, alpha, a, b, t):
    """Given lambda and p the customer is active at t with chance e^(-lambda p t); its mean over lambda is exact."""
    return exp(log_mean_beta(a, b, lambda p, _: -r * log1p(p * t / alpha)))


def expected(r, alpha, a, b, t):
    """Given lambda and p the mean is (1 - e^(-lambda p t)) / p; its mean over lambda is exact."""
    return exp(log_mean_beta(a, b, lambda p, _: log(-expm1(-r * log1p(p * t / alpha)) / p)))


def discounted(r, alpha, a, b, t, rate):
    """Purchases come at the rate lambda e^(-lambda p s); integrate e^(-rate s) times its mean over lambda first."""

    def endless(z: arb) -> arb:
        # Integral of e^(-z v) (1 + v)^-(r + 1) over v > 0.
        return exp(r * log(z) + z) * z.gamma_upper(-r)

    def log_f(p: arb, _: arb) -> arb:
        z = alpha * rate / p
        end = arb(0) if t is None else exp(-rate * t)
        if z > 1e16:  # (1 + p s / alpha)^-(r + 1) is a straight line in s as far as e^(-rate s) reaches
            first = (1 - end) / rate
            second = (1 - end * (1 + (0 if t is None else rate * t))) / rate**2
            return log(r / alpha * (first - (r + 1) * p / alpha * second))
        value = endless(z)
        if t is not None:
            value -= end * exp(-r * log1p(p * t / alpha)) * endless(z + rate * t)
        return log(r / p * value)

    return exp(log_mean_beta(a, b, log_f))


def pmf(r, alpha, a, b, n, t):
    """Active with n purchases, or left at the n-th within t: means over lambda and p, and over the time of the n-th."""
    poisson = log_mean_gamma(r, alpha, lambda u: n * log(u * t) - u * t - loggamma(n + 1))
    active = exp(log_mean_beta(a, b, lambda p, log_q: n * log_q) + poisson)
    if n == 0:
        return active
    # The n-th purchase comes at time s: its density, lambda integrated out, over (0, t).
    constant = loggamma(n + r) - loggamma(n) - loggamma(r) + r * log(alpha)
    reached = exp(constant + log_until(arb(0), t, lambda s: (n - 1) * log(s) - (n + r) * log(alpha + s)))
    return active + exp(log_mean_beta(a, b, lambda p, log_q: log(p) + (n - 1) * log_q)) * reached


def spend_log_likelihood(p, q, gamma, x, m):
    """The mean of x purchases is Gamma(p x, rate nu x); mean over nu ~ Gamma(q, rate gamma)."""
    return log_mean_gamma(
        q, gamma, lambda nu: p * x * log(nu * x) + (p * x - 1) * log(m) - nu * x * m - loggamma(p * x)
    )


def spend_expected(p, q, gamma, x, m):
    """E[p / nu | x, m]."""
    like = spend_log_likelihood(p, q, gamma, x, m)
    joint = log_mean_gamma(
        q,
        gamma,
        lambda nu: log(p / nu) + p * x * log(nu * x) + (p * x - 1) * log(m) - nu * x * m - loggamma(p * x),
    )
    return exp(joint - like)


def special_rows() -> Iterator[list[object]]:
    rng = random.Random(1)

    def positive(low: float, high: float) -> float:
        return short(10 ** rng.uniform(low, high), 6)

    for i in range(2000):
        z = positive(-8, 8) if i % 3 else short(rng.uniform(0.5, 12), 6)
        yield ["log_gamma", z, "", "", loggamma(arb(z))]
        yield ["digamma", z, "", "", arb(z).digamma()]
        yield ["trigamma", z, "", "", arb(2).zeta(arb(z))]
    for i in range(2000):
        z, n = positive(-8, 8), float(rng.randrange(100)) if i % 2 else positive(-3, 5)
        rising = loggamma(arb(z) + arb(n)) - loggamma(arb(z)) if n else arb(0)
        yield ["log_rising", z, n, "", rising]
    for i in range(2000):
        # About where the function is neither 0 nor 1, and sometimes anywhere.
        a, b = positive(-2, 4), positive(-2, 3)
        spread = (a * b) ** 0.5 / (a + b) / (a + b + 1) ** 0.5
        x = short(min(max(a / (a + b) + rng.gauss(0, 1.5) * spread, 1e-6), 1 - 1e-6) if i % 4 else rng.random(), 8)
        value = exp(log_integral_upto(arb(a), arb(b), arb(x)) - log_beta(arb(a), arb(b)))
        yield ["incomplete_beta", a, b, x, value]
    for _ in range(2000):
        n, z = positive(-2, 4), positive(-6, 4)
        log_f = log_scaled_gamma(arb(n), arb(z))
        yield ["scaled_upper_gamma", n, z, "", exp(log_integral(log_f))]
    for i in range(2000):
        m, end = (positive(-8, 8), positive(-8, 8)) if i % 4 == 0 else (positive(-2, 3), positive(-3, 3))
        z = positive(-6, 4)
        if i % 5 == 1 and m < 10000:  # growing, if not beyond a double
            z = -min(z, short(500 / end))
        valley = m / -z - 1 if z < 0 else 0.0  # where it falls first and then rises
        ends = [0.0, valley, end] if 0 < valley < end else [0.0, end]
        value = sum(
            exp(log_until(arb(low), arb(high), lambda v, m=m, z=z: -arb(z) * v - arb(m) * log1p(v)))
            for low, high in itertools.pairwise(ends)
        )
        yield ["laplace_power", m, z, end, value]
    for i in range(2000):
        n, r, ratio = counts(rng, i, 10)
        by_rate = log_mean_gamma(arb(r), 1 / arb(ratio), lambda u, n=n: n * log(u) - u - loggamma(arb(n) + 1))
        yield ["log_negative_binomial", n, r, ratio, by_rate]
    for i in range(2000):
        n, r, ratio = counts(rng, i, 6)
        n = max(n, 1)
        # The n-th event comes after s, in units of which the rate is Gamma(r).
        constant = loggamma(arb(n) + r) - loggamma(arb(n)) - loggamma(arb(r))
        reached = log_until(arb(0), arb(ratio), lambda s, n=n, r=r: (n - 1) * log(s) - (n + arb(r)) * log1p(s))
        yield ["negative_binomial_tail", n, r, ratio, exp(constant + reached)]


def counts(rng: random.Random, i: int, spread: float) -> tuple[int, float, float]:
    """A negative binomial count within so many standard deviations of its mean, of r and ratio."""
    if i % 4 == 0:
        r, ratio = 10 ** rng.uniform(-8, 8), 10 ** rng.uniform(-8, 8)
    else:
        r, ratio = 10 ** rng.uniform(-2, 3), 10 ** rng.uniform(-3, 3)
    r, ratio = short(r, 6), short(min(ratio, 1e9 / r), 6)
    n = r * ratio + rng.uniform(-spread, spread) * (r * ratio * (1 + ratio)) ** 0.5
    return round(max(0.0, n)), r, ratio


def log_integral_upto(a: arb, b: arb, x: arb) -> arb:
    """ln of the integral of p^(a-1) (1-p)^(b-1) over (0, x): y = logit(x) - e^w maps it to the real line."""
    end = log(x / (1 - x))

    def log_f(w: arb) -> arb:
        y = end - exp(w)
        return w - a * log1p_exp(-y) - b * log1p_exp(y)

    return log_integral(log_f)


def log_scaled_gamma(n: arb, z: arb) -> Function:
    """Integral over v > 0 of e^(-z v) (1 + v)^-(n + 1), v = e^w."""
    return lambda w: w - z * exp(w) - (n + 1) * log1p(exp(w))


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
    for i in range(2000):
        p = parameters(rng, i)
        T = p[1] * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5))
        x = rng.choice([0, 1, 2, 3, 5, 10, 30, 100])
        if i % 8 == 3:
            x = rng.choice([1000, 20000, 100000])
        tx = 0.0 if x == 0 else T * (1.0 - 10 ** rng.uniform(-12, 0)) if i % 3 else T * rng.random()
        m = [arb(v) for v in p]
        for name, (value, alive) in zip(("bg", "mbg"), histories(*m, x, arb(tx), arb(T)), strict=True):
            yield [f"{name}_log_likelihood", *p, x, tx, T, value]
            if i < 200:
                yield [f"{name}_probability_alive", *p, x, tx, T, alive]
    for i in range(200):
        p = parameters(rng, i)
        if i % 6 == 5:  # what a heavy buyer's process looks like
            x = rng.choice([10, 100, 1000, 100000])
            p = (p[0] + x, p[1] * 10, p[2], p[3] + x)
        t = p[1] * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5))
        m = [arb(v) for v in p]
        yield ["expected", *p, t, "", "", expected(*m, arb(t))]
        yield ["survival", *p, t, "", "", survival(*m, arb(t))]
    for i in range(200):
        p = parameters(rng, i)
        n = rng.choice([0, 1, 2, 5, 20, 200])
        t = p[1] * 10 ** rng.uniform(-2, 2)
        m = [arb(v) for v in p]
        yield ["pmf", *p, n, t, "", pmf(*m, n, arb(t))]
    for i in range(95):
        p = parameters(rng, i)
        if i % 6 == 5:
            p = (p[0] + 30, p[1] * 10, p[2], p[3] + 30)
        t = p[1] * 10 ** rng.uniform(-2, 2)
        rate = 10 ** rng.uniform(-3, 1) / p[1]
        m = [arb(v) for v in p]
        yield ["discounted", *p, t, rate, "", discounted(*m, arb(t), arb(rate))]
        yield ["discounted", *p, "inf", rate, "", discounted(*m, None, arb(rate))]


def spend_rows() -> Iterator[list[object]]:
    rng = random.Random(3)
    for i in range(2000):
        wide = (8 if i % 8 == 0 else 3) if i % 4 == 0 else 1
        p, q, gamma = (short(10 ** rng.uniform(-wide, wide), 5) for _ in range(3))
        x = rng.choice([1, 2, 5, 20, rng.choice([1000, 100000]) if i % 4 == 1 else 3])
        m = short(10 ** rng.uniform(-2, 4), 6)
        v = [arb(p), arb(q), arb(gamma), arb(x), arb(m)]
        yield ["log_likelihood", p, q, gamma, x, m, spend_log_likelihood(*v)]
        if i < 250 and p * x + q > 1.2:  # else the mean is infinite, or its integral converges too slowly
            yield ["expected_spend", p, q, gamma, x, m, spend_expected(*v)]


if __name__ == "__main__":
    write("lifetime_special.csv", ["function", "a", "b", "c", "value"], special_rows(), digits=18)
    write("lifetime_spend.csv", ["function", "p", "q", "gamma", "x", "m", "value"], spend_rows(), digits=18)
    write("lifetime_models.csv", ["function", "r", "alpha", "a", "b", "u", "v", "w", "value"], model_rows())
