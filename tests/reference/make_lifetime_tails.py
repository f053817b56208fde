"""Reference values for tails of counts, quantiles of counts and waits until the next purchase, with 50 digits.

The n-th purchase comes at a time whose density, the customer's rate integrated out, is integrated numerically up to the
horizon, times the chance that it finds the customer there. Waits come from likelihoods alone: no purchase within w of T
is the history (x, tx, T + w), so that its chance is a ratio of two likelihoods, each integrated as in the other
scripts; the argument q is a double, and the wait is moved to it by its slope. A quantile of counts is the n that a
chance between two tails has by its definition, a third of the chances 1e-9 next to one or the other tail. Writes
lifetime_tails.csv beside this file. Needs python-flint; takes some minutes.

    python make_lifetime_tails.py
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

import make_lifetime as beta_geo
import make_lifetime_cnbd as cnbd
import make_lifetime_discrete as discrete
import make_lifetime_dropout as dropout
from flint import arb, ctx
from precise import exp, log, log_mean_beta, log_mean_gamma, log_until, loggamma, short, write

Row = list[object]
Tail = Callable[[int], arb]
COUNT = 200


def log_arrivals(r: arb, alpha: arb, n: int, last: arb | None, log_there=lambda u: 0) -> arb:
    """ln of the integral over (0, last) of the density of the n-th purchase times the chance of being there."""
    constant = loggamma(n + r) - loggamma(arb(n)) - loggamma(r) + r * log(alpha)
    return constant + log_until(arb(0), last, lambda u: (n - 1) * log(u) - (n + r) * log(alpha + u) + log_there(u))


def log_not_gone(a: arb, b: arb, times: int) -> arb:
    return log_mean_beta(a, b, lambda p, log_q: times * log_q)


def power(rng: random.Random, low: float, high: float, digits: int = 3) -> float:
    return short(10 ** rng.uniform(low, high), digits)


def near(rng: random.Random, r: float, ratio: float) -> int:
    """A count that somebody who stays may reach."""
    n = r * ratio + rng.gauss(0, 2) * (r * ratio * (1 + ratio)) ** 0.5
    if rng.random() < 0.5:
        n *= 10 ** -rng.uniform(0, 1.5)
    return round(min(max(n, 1 + 5 * rng.random() ** 2), 100000))


def process(rng: random.Random, i: int) -> tuple[float, float, float]:
    """r, alpha and the time ahead."""
    if i % 4 == 0:  # the extremes
        r, alpha, ratio = power(rng, -8, 8), power(rng, -8, 8), 10 ** rng.uniform(-6, 6)
    else:
        r, alpha, ratio = power(rng, -1, 0.7), power(rng, -0.5, 1.5), 10 ** rng.uniform(-1.5, 1.5)
    if i % 8 == 3:  # heavy buyers
        r, ratio = r + rng.choice([10, 1000, 100000]), 10 ** rng.uniform(-1.5, 0.5)
    return r, alpha, short(ratio * alpha)


def leaving(rng: random.Random, i: int) -> tuple[float, float]:
    if i % 4 == 0:
        return power(rng, -8, 8), power(rng, -8, 8)
    a = rng.choice([1.0, 1.0 + 2.0**-40, 1.0 - 1e-6]) if i % 7 == 1 else power(rng, -0.7, 0.7)
    return a, power(rng, -0.7, 1)


def tail_of(name: str, rng: random.Random, i: int) -> tuple[Row, float, int, Tail]:
    """Six parameters of a process, a time, a count about there, and the tail as a function of the count."""
    if name in ("bgbb", "sbg", "bdw"):
        a, b, g, d = discrete.parameters(rng, i)
        t = rng.choice([1, 5, 20, 100, 400 if name == "bgbb" else 100000])
        n = rng.randrange(1, t + 1)
        if name == "bgbb":
            return [a, b, g, d, "", ""], t, n, lambda n: discrete.bgbb_at_least(a, b, g, d, n, t)
        if name == "sbg":
            return [g, d, "", "", "", ""], t, n, lambda n: exp(discrete.log_kept(g, d, n))
        c = short(10 ** rng.uniform(-1.5, 0.7))
        return [g, d, c, "", "", ""], t, n, lambda n: exp(discrete.log_kept(g, d, discrete.power(n, c)))
    r, alpha, t = process(rng, i)
    n = near(rng, r, t / alpha)
    R, A, end = arb(r), arb(alpha), arb(t)
    if name == "nbd":
        return [r, alpha, "", "", "", ""], t, n, lambda n: exp(log_arrivals(R, A, n, end))
    if name in ("bg", "mbg"):
        a, b = leaving(rng, i)
        sooner = name == "bg"
        return (
            [r, alpha, a, b, "", ""],
            t,
            n,
            lambda n: exp(log_not_gone(arb(a), arb(b), n - sooner) + log_arrivals(R, A, n, end)),
        )
    if name == "cnbd":
        a, b = leaving(rng, i)
        k = rng.choice([1, 2, 3, 5, 12, 48 if i % 4 == 0 else 2])
        silence = 0.0 if i % 5 == 0 else short(rng.random())
        n = max(1, n // k)

        def tail(n: int) -> arb:
            weights = [cnbd.rising(R, j) * arb(silence) ** j for j in range(k)]
            reached = sum(w * exp(log_arrivals(R + j, A, n * k - j, end)) for j, w in enumerate(weights) if not w == 0)
            return exp(log_not_gone(arb(a), arb(b), n - 1)) * reached / sum(weights)

        return [r, alpha, a, b, k, silence], t, n, tail
    gompertz = name == "ggom"
    if i % 4 == 0:
        s, beta = power(rng, -4, 4), power(rng, -8, 8)
    else:
        s, beta = power(rng, -1, 0.7), power(rng, -3, 3) if gompertz else power(rng, -0.5, 2)
    if i % 11 == 3:
        s = 1.0
    b = short(10 ** rng.uniform(-3, 1) / alpha) if gompertz else None
    if gompertz:
        t = short(min(t, 1000 / b))
    there = dropout.Dropout(arb(s), arb(beta), arb(b) if gompertz else None)
    return (
        [r, alpha, s, beta, b, ""],
        t,
        n,
        lambda n: exp(log_arrivals(R, A, n, arb(t), lambda u: -there.s * there.h(u))),
    )


def between(rng: random.Random, i: int, above: arb, below: arb) -> float | None:
    """A chance q with below < 1 - q < above, and known to be."""
    margin = arb("1e-9")
    level = ((above * below).sqrt(), below * (1 + margin), above * (1 - margin))[i % 3]
    q = float((1 - level).mid())
    rest = 1 - arb(q)
    if 0 < q < 1 and below * (1 + margin / 2) < rest and rest < above * (1 - margin / 2):
        return q
    return None


def tail_rows(name: str) -> Iterator[Row]:
    rng = random.Random(f"{name} 1")
    for i in range(COUNT) if name != "mbg" else ():
        p, t, n, tail = tail_of(name, rng, i)
        if name == "bdw" and i % 3:
            age = rng.choice([1, 4, 50, 3000])
            g, d, c = p[:3]
            now = discrete.log_kept(g, d, discrete.power(age, c))
            value = exp(discrete.log_kept(g, d, discrete.power(age + n, c)) - now)
            yield [f"{name}_at_least", g, d, c, age, "", "", n, t, "", "", value]
        else:
            yield [f"{name}_at_least", *p, n, t, "", "", tail(n)]


def count_rows(name: str) -> Iterator[Row]:
    rng = random.Random(f"{name} 2")
    made = 0
    for i in itertools.count():
        p, t, n, tail = tail_of(name, rng, i)
        if name == "cnbd":
            p[5] = ""
            if i % 5:  # these have been silent, and a new customer has not
                continue
        n = rng.choice([n - 1, n // 2, n // 10]) if n > 1 else 0
        above = tail(n) if n > 0 else arb(1)
        below = tail(n + 1) if name not in ("bgbb", "sbg", "bdw") or n < t else arb(0)
        q = between(rng, i, above, below)
        if q is not None and below > 1e-6:
            yield [f"{name}_count_quantile", *p, t, q, "", "", n]
            made += 1
            if made == COUNT:
                return


def history(rng: random.Random, i: int, alpha: float) -> tuple[int, float, float]:
    T = short(alpha * 10 ** (rng.uniform(-4, 4) if i % 4 == 2 else rng.uniform(-1, 1.5)), 4)
    x = rng.choice([0, 1, 2, 3, 5, 10, 30, 100])
    if i % 8 == 3:
        x = rng.choice([1000, 20000, 100000])
    tx = 0.0 if x == 0 else T * (1.0 - 10 ** rng.uniform(-12, 0)) if i % 4 == 1 else short(T * rng.random(), 5)
    return x, tx, T


def waits(log_likelihood: Callable[[arb], list[arb]], T: float, w: arb) -> Iterator[tuple[float, arb] | None]:
    """(q, wait next to w) for each of the models whose likelihoods these are, None where q is next to the most."""
    now, then, later, last = (log_likelihood(arb(T) + v) for v in (0, w, w * (1 + arb("1e-15")), w * 1000000))
    for a, b, c, d in zip(now, then, later, last, strict=True):
        some = 1 - exp(b - a)
        q = float(some.mid())
        slope = (exp(b - a) - exp(c - a)) / (w * arb("1e-15"))
        if not (some > 1e-14 and 1 - exp(d - a) - some > 0.0011):
            yield None
            continue
        yield q, w + (q - some) / slope


def wait_rows(name: str) -> Iterator[Row]:
    rng = random.Random(f"{name} 3")
    names = ("bg", "mbg") if name == "bg" else ("bg_cnbd", "mbg_cnbd") if name == "cnbd" else (name,)
    made = dict.fromkeys(names, 0)
    for i in itertools.count():
        r, alpha, _ = process(rng, i)
        x, tx, T = history(rng, i, alpha)
        R, A, TX = arb(r), arb(alpha), arb(tx)
        w = arb((alpha + T) / (r + x) * 10 ** rng.uniform(-4 if i % 3 == 0 else -1, 0.5))
        if name in ("bg", "cnbd"):
            a, b = leaving(rng, i)
            p: Row = [r, alpha, a, b, "", ""]
            m = R, A, arb(a), arb(b)
            if name == "bg":

                def like(end: arb, m=m, x=x, TX=TX) -> list[arb]:
                    return [value for value, _ in beta_geo.histories(*m, x, TX, end)]

            else:
                k = rng.choice([1, 2, 3, 5, 12, 48 if i % 4 == 0 else 2])
                p[4] = k
                if x > 10000:
                    x = 1000

                def like(end: arb, m=m, k=k, x=x, TX=TX) -> list[arb]:
                    return [value for value, _ in cnbd.histories(*m, k, x, TX, end)]

        elif name == "nbd":
            p = [r, alpha, "", "", "", ""]

            def like(end: arb, R=R, A=A, x=x) -> list[arb]:
                return [log_mean_gamma(R, A, lambda u: x * log(u) - u * end)]

        else:
            s, beta = power(rng, -1, 0.7), power(rng, -1, 2)
            if i % 4 == 0:
                s, beta = power(rng, -4, 4), power(rng, -8, 8)
            rate = short(10 ** rng.uniform(-3, 1) / alpha) if name == "ggom" else None
            if rate is not None and not rate * T < 100:
                continue
            p = [r, alpha, s, beta, rate, ""]
            there = dropout.Dropout(arb(s), arb(beta), None if rate is None else arb(rate))

            def like(end: arb, R=R, A=A, there=there, x=x, TX=TX) -> list[arb]:
                return [dropout.history(R, A, there, x, TX, end)[0]]

        for one, found in zip(names, waits(like, T, w), strict=True):
            if found is not None and made[one] < COUNT:
                made[one] += 1
                yield [f"{one}_wait", *p, x, tx, T, found[0], found[1]]
        if all(count == COUNT for count in made.values()):
            return


def whole_wait_rows() -> Iterator[Row]:
    """BG/BB: the wait is w where the chance lies between those of a purchase within w - 1 and within w."""
    rng = random.Random("bgbb 3")
    made = 0
    for i in itertools.count():
        p = discrete.parameters(rng, i)
        n = rng.choice([0, 1, 6, 12, 30, 120])
        tx = rng.randrange(n + 1)
        x = 0 if tx == 0 else rng.randrange(1, tx + 1)
        w = rng.choice([1, 1, 2, 3, 8, 40, 300])
        now, before, after = (discrete.bgbb_history(*p, x, tx, n + v)[0] for v in (0, w - 1, w))
        q = between(rng, i, exp(before - now), exp(after - now))
        if q is not None and q > 1e-6:
            yield ["bgbb_wait", *p, "", "", x, tx, n, q, w]
            made += 1
            if made == COUNT:
                return


def rows() -> Iterator[Row]:
    for name in ("nbd", "bg", "mbg", "cnbd", "pareto", "ggom", "bgbb", "sbg", "bdw"):
        yield from tail_rows(name)
        yield from count_rows(name)
    for name in ("nbd", "bg", "cnbd", "pareto", "ggom"):
        yield from wait_rows(name)
    yield from whole_wait_rows()


if __name__ == "__main__":
    ctx.dps = 60
    header = ["function", "p1", "p2", "p3", "p4", "p5", "p6", "u", "v", "w", "q", "value"]
    write("lifetime_tails.csv", header, rows(), digits=18)
