"""Average run lengths of the rate-drop CUSUM at 50 digits, by another route than the library's.

The library integrates the scale function of the process. Here the backward equation of the mean wait f(S) is solved:
    (1 - rho) f'(S) + rate (f(max(0, S - d)) - f(S)) = -1,   f(limit) = 0,   d = ln(1 / rho),
stretch by stretch of length d. On a stretch f is e^{growth t} times a polynomial plus a polynomial; its Taylor series
of `terms` terms is exact to the working precision. f(0) is free and enters linearly, so two solutions give it.

Writes defection_run_lengths.csv beside this file: rho, limit / d, limit, rate, average run length.
"""

from pathlib import Path

import mpmath as mp

mp.mp.dps = 60
terms = 160


def shifted(series: list, by: mp.mpf) -> mp.mpf:
    return mp.polyval(series[::-1], by)


def solution(drift, drop, limit, rate, at_zero, source):
    """f(limit) where f(0) = at_zero and the right-hand side is -source."""
    growth = rate / drift
    before = None  # the Taylor series of f on the stretch before, about its left end
    left, value = mp.mpf(0), at_zero
    while True:
        series = [value]
        for n in range(terms):
            # f' = growth (f - f delayed) - source / drift
            delayed = (at_zero if n == 0 else 0) if before is None else before[n]
            series.append((growth * (series[n] - delayed) - (source / drift if n == 0 else 0)) / (n + 1))
        if left + drop >= limit:
            return shifted(series, limit - left)
        value = shifted(series, drop)
        before, left = series, left + drop


def run_length(rho, limit, rate):
    drift, drop = 1 - rho, -mp.log(rho)
    particular = solution(drift, drop, limit, rate, mp.mpf(0), mp.mpf(1))
    homogeneous = solution(drift, drop, limit, rate, mp.mpf(1), mp.mpf(0))
    return -particular / homogeneous


def main() -> None:
    rows = ["rho,stretches,limit,rate,average_run_length"]
    for rho in ("0.01", "0.1", "0.25", "0.5", "0.7", "0.8", "0.95", "0.99"):
        for stretches in ("0.5", "1.5", "4.25", "9.5", "11.875", "12.125", "15.5", "24.25", "40.5"):
            for rate in ("1", rho):
                # The limit is rounded to a double first, so that the library is asked for exactly this one.
                limit = mp.mpf(float(mp.mpf(stretches) * -mp.log(mp.mpf(float(rho)))))
                length = run_length(mp.mpf(float(rho)), limit, mp.mpf(float(rate)))
                if length < mp.mpf(10) ** 12:
                    rows.append(f"{rho},{stretches},{mp.nstr(limit, 17)},{rate},{mp.nstr(length, 25)}")
    Path(__file__).with_suffix(".csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
