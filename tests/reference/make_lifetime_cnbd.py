"""Reference values for BG/CNBD-k and MBG/CNBD-k, from defining integrals with 50 digits.

Everything is integrated over the customer's own rate of phases, within which phases are Poisson; the means over the
chance to leave are integrals too in the likelihoods, and moments of a Beta, or ₂F₁ where purchases are discounted
without end, in the predictions. Where the count of phases is too long for that, the sum over the negative binomial
count is taken term by term. Writes lifetime_cnbd.csv beside this file. Needs python-flint; takes ten minutes.

    python make_lifetime_cnbd.py
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

from flint import arb
from precise import exp, log, log_mean_beta, log_mean_gamma, log_sum, loggamma, short, write

TINY = arb("1e-24")
ROUGH = arb("1e-18")


def phase_sum(k: int, u: arb) -> arb:
    """Sum of u^j / j! over j < k."""
    term, total = arb(1), arb(1)
    for j in range(1, k):
        term *= u / j
        total += term
    return total


def histories(r, alpha, a, b, k, x, tx, T) -> Iterator[tuple[arb, arb]]:
    """(ln L without the gaps, P(alive)) of BG/CNBD-k and of MBG/CNBD-k, with one chance more to leave."""
    gaps = x * loggamma(k)
    silent = T - tx
    until_end = log_mean_gamma(r, alpha, lambda u: k * x * log(u) - u * T + log(phase_sum(k, u * silent))) - gaps
    until_last = log_mean_gamma(r, alpha, lambda u: k * x * log(u) - u * tx) - gaps
    for chances in (x, x + 1):
        active = log_mean_beta(a, b, lambda p, log_q, c=chances: c * log_q) + until_end
        if chances == 0:
            yield active, arb(1)
            continue
        left = log_mean_beta(a, b, lambda p, log_q, c=chances: log(p) + (c - 1) * log_q) + until_last
        total = log_sum(active, left)
        yield total, exp(active - total)


def rising(n: arb, j: int) -> arb:
    """n (n + 1) ... (n + j - 1) / j!"""
    result = arb(1)
    for i in range(j):
        result *= (n + i) / (i + 1)
    return result


def mean_over_rate(n, alpha, k, silence, value: Callable[[int, arb], arb]) -> arb:
    """Mean of value(j, rate) over rate and the phases j since the last purchase, `silence` * alpha ago.

    The trapezoidal rule in ln(rate), which converges exponentially; twice as many nodes must give the same. The value
    must vanish with the rate where n is small.
    """

    def weighted(v: arb) -> arb:
        u = exp(v)
        term, total = arb(1), arb(0)
        for j in range(k):
            total += term * value(j, u)
            term *= u * silence * alpha / (j + 1)
            if term == 0:
                break
        return exp(n * v - alpha * u - top) * total

    mode = log(n / alpha)
    top = n * mode - n
    mass = exp(loggamma(n) - n * log(alpha)) * sum(rising(n, j) * silence**j for j in range(k))

    def rule(step: arb, shift: arb) -> arb:
        total = arb(0)
        for direction in (1, -1):
            at = mode + shift * step + (0 if direction == 1 else -step)
            before = arb(0)
            while True:
                part = weighted(at)
                total += part
                if not part > before and part < total * TINY:
                    break
                before = part
                at += direction * step
        return total * step

    step = arb("0.3") / (1 + n / 6).sqrt()
    once, between = rule(step, arb(0)), rule(step, arb("0.5"))
    while not abs(once - between) < ROUGH * abs(once):
        step /= 2
        once = (once + between) / 2
        between = rule(step, arb("0.5"))
    return (once + between) / 2 * exp(top) / mass


def poisson_tails(mean: arb, top: int) -> list[arb]:
    """P(N >= i) for i = 0 … top."""
    reach = float(mean.mid())
    far = int(max(top, reach + 12 * reach**0.5) + 60)
    tails = [arb(0)] * (far + 2)
    mass = exp(far * log(mean) - mean - loggamma(far + 1))
    total = arb(0)
    for i in range(far, -1, -1):
        total += mass
        tails[i] = total
        mass *= i / mean
    return tails


def stays(a: arb, b: arb) -> Iterator[arb]:
    """E[(1 - p)^m], m = 0, 1, …"""
    value = arb(1)
    m = 0
    while True:
        yield value
        value *= (b + m) / (a + b + m)
        m += 1


class Remembered:
    """Poisson tails of the rate last asked for."""

    def __init__(self, t: arb, rate: arb | int = 0, least: int = 0) -> None:
        self.t, self.rate, self.least, self.key, self.tails = t, rate, least, None, []

    def __call__(self, u: arb) -> list[arb]:
        if u is not self.key:
            self.key, self.tails = u, poisson_tails((u + self.rate) * self.t, self.least)
        return self.tails


def reached(tails: list[arb], i: int) -> arb:
    return tails[i] if i < len(tails) else arb(0)


def expected(n, alpha, a, b, k, silence, t, rate=0) -> arb:
    tails = Remembered(t, rate)

    def value(j: int, u: arb) -> arb:
        now = tails(u)
        phi = u / (u + rate)
        worth, whole = phi ** (k - j), phi**k
        total = arb(0)
        for m, stay in enumerate(stays(a, b), start=1):
            if m * k - j >= len(now):
                return total
            total += stay * worth * now[m * k - j]
            worth *= whole

    return mean_over_rate(n, alpha, k, silence, value)


def survival(n, alpha, a, b, k, silence, t) -> arb:
    tails = Remembered(t)

    def active(j: int, u: arb) -> arb:
        now = tails(u)
        total = arb(0)
        for m, stay in enumerate(stays(a, b)):
            if m * k - j >= len(now):
                return total
            total += stay * (reached(now, max(m * k - j, 0)) - reached(now, (m + 1) * k - j))

    def left(j: int, u: arb) -> arb:
        now = tails(u)
        total, before = arb(0), arb(1)
        for m, stay in enumerate(stays(a, b)):
            if m == 0:
                continue
            if m * k - j >= len(now):
                return total
            total += (before - stay) * now[m * k - j]
            before = stay

    if n < 1:  # most rates are next to 0
        return 1 - mean_over_rate(n, alpha, k, silence, left)
    return mean_over_rate(n, alpha, k, silence, active)


def no_purchase(n, alpha, k, silence, t) -> arb:
    """Fewer than k phases in t and the silence before it, given fewer than k in that silence."""
    start = silence * alpha
    until = log_mean_gamma(n, alpha, lambda u: log(phase_sum(k, u * (start + t))) - u * t)
    return exp(until - log_mean_gamma(n, alpha, lambda u: log(phase_sum(k, u * start))))


def pmf(n, alpha, a, b, k, silence, count, t) -> arb:
    if count == 0:
        return no_purchase(n, alpha, k, silence, t)
    tails = Remembered(t, least=(count + 1) * k)
    moments = list(itertools.islice(stays(a, b), count + 1))

    def value(j: int, u: arb) -> arb:
        now = tails(u)
        active = moments[count] * (now[max(count * k - j, 0)] - now[(count + 1) * k - j])
        return active + (moments[count - 1] - moments[count]) * now[count * k - j]

    return mean_over_rate(n, alpha, k, silence, value)


def endless(n, alpha, a, b, k, silence, rate) -> arb:
    """The m-th purchase is worth phi^(m k - j); E[1 / (1 - (1 - p) y)] = 2F1(1, b; a + b; y)."""
    last: list[object] = [None, None, None]

    def value(j: int, u: arb) -> arb:
        if u is not last[0]:
            phi = u / (u + rate)
            last[:] = u, phi, (phi**k).hypgeom_2f1(arb(1), b, a + b)
        return last[1] ** (k - j) * last[2]

    return mean_over_rate(n, alpha, k, silence, value)


def by_count(n, alpha, a, b, k, silence, t) -> tuple[arb, arb]:
    """(expected, survival), term by term over the count of phases."""
    z = t / (alpha + t)
    weights = [rising(n, j) * silence**j for j in range(k)]
    total = sum(weights)
    mean = alive = arb(0)
    for j, w in enumerate(weights):
        mass = w / total * (1 - z) ** (n + j)
        i = 0
        purchases, stay, made = j // k, arb(1), arb(0)
        while True:
            mean += mass * made
            alive += mass * stay
            growth = z * (n + j + i) / (i + 1)
            if growth < 1 and mass * (made + 1) < TINY * (1 - growth) * (mean + w / total * arb("1e-60")):
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
    else:
        a = short(a)
    if i % 11 == 3:
        a, b = 0.3, 0.2
    return short(r), short(alpha), a, short(b), rng.choice([1, 2, 2, 3, 4, 6, 12, 48 if i % 4 == 0 else 5])


def process(rng: random.Random, i: int) -> tuple[float, float, float, float, int, float]:
    """What goes on: at a purchase, after some silence, or a heavy buyer."""
    r, alpha, a, b, k = parameters(rng, i)
    if i % 6 == 5:
        x = rng.choice([10, 100, 1000])
        r, alpha, b = r + k * x, alpha * 10, b + x
    silence = 0.0 if i % 5 == 0 else 1.0 - 10 ** rng.uniform(-6, 0) if i % 5 == 1 else short(rng.random())
    return short(r, 6), short(alpha), a, short(b, 6), k, silence


def likelihood_rows() -> Iterator[list[object]]:
    rng = random.Random(4)
    for i in range(2000):
        *p, k = parameters(rng, i)
        if i % 8 == 0:
            p = [short(10 ** rng.uniform(-8, 8)) for _ in p]
        T = short(p[1] * 10 ** (rng.uniform(-6, 6) if i % 4 == 2 else rng.uniform(-1, 1.5)))
        x = rng.choice([0, 1, 2, 3, 5, 10, 30, 100])
        if i % 8 == 3:
            x = rng.choice([1000, 20000, 100000])
        if x == 0:
            tx = 0.0
        elif i % 13 == 5:
            tx = T
        else:  # the last digits matter where tx is next to T
            tx = T * (1.0 - 10 ** rng.uniform(-12, 0)) if i % 4 == 1 else short(T * rng.random(), 5)
        m = [arb(v) for v in p]
        for name, (value, alive) in zip(("bg", "mbg"), histories(*m, k, x, arb(tx), arb(T)), strict=True):
            yield [f"{name}_log_likelihood", *p, k, x, tx, T, value]
            if i < 200:
                yield [f"{name}_probability_alive", *p, k, x, tx, T, alive]


def process_rows() -> Iterator[list[object]]:
    rng = random.Random(5)
    for i in range(164):
        *p, k, silence = process(rng, i)
        phases = 10 ** (rng.uniform(-3, 1) if i % 4 == 2 else rng.uniform(-0.5, 2))  # expected within t
        t = phases * p[1] / p[0]
        if p[0] < 1:
            t = min(t, 20 * p[1])
        t = short(t)
        m = [*(arb(v) for v in p), k, arb(silence), arb(t)]
        yield ["expected", *p, k, silence, t, "", expected(*m)]
        yield ["survival", *p, k, silence, t, "", survival(*m)]
    for i in range(200):
        *p, k, silence = process(rng, i)
        t = short(min(10 ** rng.uniform(-2, 2) / p[0], 20) * p[1])
        m = [*(arb(v) for v in p), k, arb(silence)]
        n = rng.choice([0, 1, 1, 2, 5, 20])
        yield ["pmf", *p, k, silence, t, n, pmf(*m, n, arb(t))]
    for i in range(200):
        *p, k, silence = process(rng, i)
        t = short(p[1] * 10 ** (rng.uniform(-8, 8) if i % 4 == 0 else rng.uniform(-2, 2)))
        yield ["no_purchase", *p, k, silence, t, "", no_purchase(arb(p[0]), arb(p[1]), k, arb(silence), arb(t))]
    for i in range(200):
        *p, k, silence = process(rng, i)
        t = short(min(8, 300 / p[0]) * p[1] * 10 ** rng.uniform(-2, 0))
        rate = short(10 ** rng.uniform(-3, 1) / p[1])
        m = [*(arb(v) for v in p), k, arb(silence)]
        yield ["discounted", *p, k, silence, t, rate, expected(*m, arb(t), arb(rate))]
        yield ["discounted", *p, k, silence, "inf", rate, endless(*m, arb(rate))]


def long_rows() -> Iterator[list[object]]:
    rng = random.Random(6)
    for i in range(36):
        *p, k, silence = process(rng, i)
        k = min(k, 12)
        if i % 3 == 2:  # few phases on the mean, but a long tail
            p[0] = short(10 ** rng.uniform(-3, 0))
            t = p[1] * 10 ** rng.uniform(1.5, 2.3)
        else:
            t = p[1] / p[0] * 10 ** rng.uniform(3, 3.7)
            if p[0] < 30:
                t = min(t, 200 * p[1])
        t = short(t)
        mean, alive = by_count(*(arb(v) for v in p), k, arb(silence), arb(t))
        yield ["expected", *p, k, silence, t, "", mean]
        yield ["survival", *p, k, silence, t, "", alive]


def long_discounted_rows() -> Iterator[list[object]]:
    """Purchases discounted while thousands of phases pass; rates below 0 only where customers buy far faster."""
    rng = random.Random(7)
    for i in range(30):
        r, alpha, a, b, k = parameters(rng, 4 * i + i % 3)
        if i % 3 == 0:  # heavy buyers, much alike
            x = rng.choice([30, 300, 3000])
            r, b = r + k * x, b + x
            t = alpha / r * 10 ** rng.uniform(2.5, 3.8)
        elif i % 3 == 1:  # few phases on the mean, but a long tail
            r = 10 ** rng.uniform(-6, 0)
            t = alpha * 10 ** rng.uniform(1.5, 2.0)
        else:
            t = alpha / r * 10 ** rng.uniform(2.8, 3.5) if r > 1 else alpha * 10 ** rng.uniform(1.5, 2.2)
        if i % 6 == 4:  # nearly all leave at the first purchase
            a, b = 1e6, 10 ** rng.uniform(-6, 6)
        rate = 10 ** rng.uniform(-3, 1) / t
        if i % 6 == 3:
            rate = -min(rate, 0.01 * r / alpha)
        silence = 0.0 if i % 4 == 0 else rng.random()
        p = [short(v) for v in (r, alpha, a, b)]
        silence, t, rate = short(silence), short(t), short(rate)
        yield ["discounted", *p, k, silence, t, rate, expected(*(arb(v) for v in p), k, *map(arb, (silence, t, rate)))]


if __name__ == "__main__":
    rows = itertools.chain(long_rows(), process_rows(), likelihood_rows(), long_discounted_rows())
    header = ["function", "r", "alpha", "a", "b", "k", "u", "v", "w", "value"]
    write("lifetime_cnbd.csv", header, rows, digits=18)
