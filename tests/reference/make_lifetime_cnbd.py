"""Reference values for BG/CNBD-k and MBG/CNBD-k, from defining integrals with 50 digits (sums of phases: 40).

Everything is integrated over the customer's own rate of phases, within which phases are Poisson; the means over the
chance to leave are moments of a Beta, or ₂F₁ where purchases are discounted without end. Where the count of phases is
too long for that, the sum over the negative binomial count is taken term by term. Writes lifetime_cnbd.csv beside this
file. Needs mpmath; takes a quarter of an hour.

    python make_lifetime_cnbd.py
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


Real = mp.mpf
ZERO = mp.mpf(0)


def phase_sum(k: int, u: Real) -> Real:
    """Sum of u^j / j! over j < k."""
    term, total = mp.mpf(1), mp.mpf(1)
    for j in range(1, k):
        term *= u / j
        total += term
    return total


def histories(r, alpha, a, b, k, x, tx, T) -> Iterator[tuple[Real, Real]]:
    """(ln L without the gaps, P(alive)) of BG/CNBD-k and of MBG/CNBD-k, with one chance more to leave."""
    until_end = log_mean_gamma(
        r, alpha, lambda u: k * x * mp.log(u) - u * T + mp.log(phase_sum(k, u * (T - tx))) - x * mp.loggamma(k)
    )
    until_last = log_mean_gamma(r, alpha, lambda u: k * x * mp.log(u) - u * tx - x * mp.loggamma(k))
    for chances in (x, x + 1):
        active = log_mean_beta(a, b, lambda p, log_q, c=chances: c * log_q) + until_end
        if chances == 0:
            yield active, mp.mpf(1)
            continue
        left = log_mean_beta(a, b, lambda p, log_q, c=chances: mp.log(p) + (c - 1) * log_q) + until_last
        total = max(active, left) + mp.log1p(mp.exp(-abs(active - left)))
        yield total, mp.exp(active - total)


def mean_over_rate(n, alpha, k, silence, value: Callable[[int, Real], Real]) -> Real:
    """Mean of value(j, rate) over rate and the phases j since the last purchase, `silence` * alpha ago.

    The trapezoidal rule in ln(rate), which converges exponentially; twice as many nodes must give the same. The value
    must vanish with the rate where n is small.
    """

    def weighted(v: Real) -> Real:
        u = mp.exp(v)
        term, total = mp.mpf(1), mp.mpf(0)
        for j in range(k):
            total += term * value(j, u)
            term *= u * silence * alpha / (j + 1)
            if term == 0:
                break
        return mp.exp(n * v - alpha * u - top) * total

    mode = mp.log(n / alpha)
    top = n * mode - n
    mass = mp.gamma(n) / alpha**n * sum(mp.rf(n, j) / mp.factorial(j) * silence**j for j in range(k))

    def rule(step: Real, shift: Real) -> Real:
        total = mp.mpf(0)
        for direction in (1, -1):
            at = mode + shift * step + (0 if direction == 1 else -step)
            before = mp.mpf(0)
            while True:
                part = weighted(at)
                total += part
                if part <= before and part < total * mp.mpf(10) ** -24 * min(n + 1, 1):
                    break
                before = part
                at += direction * step
        return total * step

    step = mp.mpf("0.3") / mp.sqrt(1 + n / 6)
    once, between = rule(step, mp.mpf(0)), rule(step, mp.mpf("0.5"))
    while abs(once - between) > mp.mpf(10) ** -18 * abs(once):
        step /= 2
        once = (once + between) / 2
        between = rule(step, mp.mpf("0.5"))
    return (once + between) / 2 * mp.exp(top) / mass


def poisson_tails(mean: Real, top: int) -> list[Real]:
    """P(N >= i) for i = 0 … top."""
    far = int(max(top, mean + 12 * mp.sqrt(mean)) + 60)
    tails = [mp.mpf(0)] * (far + 2)
    mass = mp.exp(far * mp.log(mean) - mean - mp.loggamma(far + 1))
    total = mp.mpf(0)
    for i in range(far, -1, -1):
        total += mass
        tails[i] = total
        mass *= i / mean
    return tails


def stays(a: Real, b: Real) -> Iterator[Real]:
    """E[(1 - p)^m], m = 0, 1, …"""
    value = mp.mpf(1)
    m = 0
    while True:
        yield value
        value *= (b + m) / (a + b + m)
        m += 1


class Remembered:
    """Poisson tails of the rate last asked for."""

    def __init__(self, t: Real, rate: Real = ZERO, least: int = 0) -> None:
        self.t, self.rate, self.least, self.u, self.tails = t, rate, least, None, []

    def __call__(self, u: Real) -> list[Real]:
        if u != self.u:
            self.u, self.tails = u, poisson_tails((u + self.rate) * self.t, self.least)
        return self.tails


def reached(tails: list[Real], i: int) -> Real:
    return tails[i] if i < len(tails) else mp.mpf(0)


def expected(n, alpha, a, b, k, silence, t, rate=ZERO) -> Real:
    tails = Remembered(t, rate)

    def value(j: int, u: Real) -> Real:
        now = tails(u)
        phi = u / (u + rate)
        total = mp.mpf(0)
        for m, stay in enumerate(stays(a, b), start=1):
            if m * k - j >= len(now):
                return total
            total += stay * phi ** (m * k - j) * now[m * k - j]
        return total

    return mean_over_rate(n, alpha, k, silence, value)


def survival(n, alpha, a, b, k, silence, t) -> Real:
    tails = Remembered(t)

    def active(j: int, u: Real) -> Real:
        now = tails(u)
        total = mp.mpf(0)
        for m, stay in enumerate(stays(a, b)):
            if m * k - j >= len(now):
                return total
            total += stay * (reached(now, max(m * k - j, 0)) - reached(now, (m + 1) * k - j))
        return total

    def left(j: int, u: Real) -> Real:
        now = tails(u)
        total, before = mp.mpf(0), mp.mpf(1)
        for m, stay in enumerate(stays(a, b)):
            if m == 0:
                continue
            if m * k - j >= len(now):
                return total
            total += (before - stay) * now[m * k - j]
            before = stay
        return total

    if n < 1:  # most rates are next to 0
        return 1 - mean_over_rate(n, alpha, k, silence, left)
    return mean_over_rate(n, alpha, k, silence, active)


def pmf(n, alpha, a, b, k, silence, count, t) -> Real:
    tails = Remembered(t, least=(count + 1) * k)
    moments = [stay for _, stay in zip(range(count + 1), stays(a, b), strict=False)]
    if count == 0 and n < 1:
        return 1 - mean_over_rate(n, alpha, k, silence, lambda j, u: tails(u)[k - j])

    def value(j: int, u: Real) -> Real:
        now = tails(u)
        active = moments[count] * (reached(now, max(count * k - j, 0)) - reached(now, (count + 1) * k - j))
        if count == 0:
            return active
        left = moments[count - 1] - moments[count]
        return active + left * reached(now, count * k - j)

    return mean_over_rate(n, alpha, k, silence, value)


def endless(n, alpha, a, b, k, silence, rate) -> Real:
    """The m-th purchase is worth phi^(m k - j); E[1 / (1 - (1 - p) y)] = 2F1(1, b; a + b; y)."""

    def value(j: int, u: Real) -> Real:
        phi = u / (u + rate)
        return phi ** (k - j) * mp.hyp2f1(1, b, a + b, phi**k)

    return mean_over_rate(n, alpha, k, silence, value)


def by_count(n, alpha, a, b, k, silence, t) -> tuple[Real, Real]:
    """(expected, survival), term by term over the count of phases."""
    z = t / (alpha + t)
    weights = [mp.rf(n, j) / mp.factorial(j) * silence**j for j in range(k)]
    total = sum(weights)
    mean = alive = mp.mpf(0)
    for j, w in enumerate(weights):
        mass = w / total * (1 - z) ** (n + j)
        i = 0
        purchases, stay, made = j // k, mp.mpf(1), mp.mpf(0)
        while True:
            mean += mass * made
            alive += mass * stay
            growth = z * (n + j + i) / (i + 1)
            if growth < 1 and mass * (made + 1) < mp.mpf(10) ** -24 * (1 - growth) * (
                mean + w / total * mp.mpf(10) ** -60
            ):
                break
            mass *= growth
            i += 1
            if (i + j) % k == 0:
                made += stay
                stay *= (b + purchases) / (a + b + purchases)
                purchases += 1
    return mean, alive


def parameters(rng: random.Random, i: int) -> tuple[float, float, float, float, int]:
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
    return r, alpha, a, b, rng.choice([1, 2, 2, 3, 4, 6, 12, 48 if i % 4 == 0 else 5])


def process(rng: random.Random, i: int) -> tuple[float, float, float, float, int, float]:
    """What goes on: at a purchase, after some silence, or a heavy buyer."""
    r, alpha, a, b, k = parameters(rng, i)
    if i % 6 == 5:
        x = rng.choice([10, 100, 1000])
        r, alpha, b = r + k * x, alpha * 10, b + x
    silence = 0.0 if i % 5 == 0 else 1.0 - 10 ** rng.uniform(-6, 0) if i % 5 == 1 else rng.random()
    return r, alpha, a, b, k, silence


def likelihood_rows() -> Iterator[list[object]]:
    rng = random.Random(4)
    for i in range(60):
        *p, k = parameters(rng, i)
        T = p[1] * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5))
        x = rng.choice([0, 1, 2, 3, 5, 10, 30, 100])
        if i % 8 == 3:
            x = rng.choice([1000, 20000, 100000])
        tx = (
            0.0
            if x == 0
            else T
            if i % 13 == 5
            else T * (1.0 - 10 ** rng.uniform(-12, 0))
            if i % 3
            else T * rng.random()
        )
        m = [mp.mpf(v) for v in p]
        for name, (value, alive) in zip(("bg", "mbg"), histories(*m, k, x, mp.mpf(tx), mp.mpf(T)), strict=True):
            yield [f"{name}_log_likelihood", *p, k, x, tx, T, value]
            yield [f"{name}_probability_alive", *p, k, x, tx, T, alive]


def process_rows() -> Iterator[list[object]]:
    rng = random.Random(5)
    mp.mp.dps = 60  # differences of Poisson tails lose digits
    for i in range(48):
        *p, k, silence = process(rng, i)
        phases = 10 ** (rng.uniform(-3, 1) if i % 4 == 2 else rng.uniform(-0.5, 2))  # expected within t
        t = phases * p[1] / p[0]
        if p[0] < 1:
            t = min(t, 20 * p[1])
        m = [*(mp.mpf(v) for v in p), k, mp.mpf(silence), mp.mpf(t)]
        yield ["expected", *p, k, silence, t, "", expected(*m)]
        yield ["survival", *p, k, silence, t, "", survival(*m)]
        n = rng.choice([0, 0, 1, 2, 5, 20])
        yield ["pmf", *p, k, silence, t, n, pmf(*m[:6], n, m[6])]
    mp.mp.dps = 30
    for i in range(24):
        *p, k, silence = process(rng, i)
        t = min(8, 300 / p[0]) * p[1] * 10 ** rng.uniform(-2, 0)
        rate = 10 ** rng.uniform(-3, 1) / p[1]
        m = [*(mp.mpf(v) for v in p), k, mp.mpf(silence)]
        yield ["discounted", *p, k, silence, t, rate, expected(*m, mp.mpf(t), mp.mpf(rate))]
        yield ["discounted", *p, k, silence, "inf", rate, endless(*m, mp.mpf(rate))]


def long_rows() -> Iterator[list[object]]:
    rng = random.Random(6)
    mp.mp.dps = 40
    for i in range(36):
        *p, k, silence = process(rng, i)
        k = min(k, 12)
        if i % 3 == 2:  # few phases on the mean, but a long tail
            p[0] = 10 ** rng.uniform(-3, 0)
            t = p[1] * 10 ** rng.uniform(1.5, 2.3)
        else:
            t = p[1] / p[0] * 10 ** rng.uniform(3, 3.7)
            if p[0] < 30:
                t = min(t, 200 * p[1])
        mean, alive = by_count(*(mp.mpf(v) for v in p), k, mp.mpf(silence), mp.mpf(t))
        yield ["expected", *p, k, silence, t, "", mean]
        yield ["survival", *p, k, silence, t, "", alive]


def main() -> None:
    with (FOLDER / "lifetime_cnbd.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["function", "r", "alpha", "a", "b", "k", "u", "v", "w", "value"])
        for rows in (long_rows(), process_rows()):
            for row in rows:
                out.writerow([mp.nstr(v, 20) if isinstance(v, mp.mpf) else v for v in row])
                file.flush()
        mp.mp.dps = 50
        for row in likelihood_rows():
            out.writerow([mp.nstr(v, 20) if isinstance(v, mp.mpf) else v for v in row])
            file.flush()


if __name__ == "__main__":
    main()
