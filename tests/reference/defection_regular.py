"""The hazard clock and the Shiryaev-Roberts statistic of gaps of any regularity, at 25 digits from their definitions.

clock: P(gap > s) = integral over the customer's posterior rate Gamma(r + k x, alpha + G) of Q(k, rate s), the chance
that a Gamma(k) gap is longer, by quadrature over the rate: the incomplete beta function is not used.
statistic: R(s') = (P(s)/P(s'))^{1-rho} [R(s) + (1/u) integral from s to s' of (P(v)/P(s))^{1-rho} dv] by quadrature.

Writes defection_regular.csv beside this file.
"""

from pathlib import Path

import mpmath as mp

mp.mp.dps = 25
here = Path(__file__).parent


def silent_longer(shape, scale, k, silence):
    if silence == 0:
        return mp.mpf(1)

    # In z = ln(rate * scale); peaks lie between the posterior's mode and where long gaps become likely.
    def integrand(z):
        y = mp.exp(z)
        weight = mp.exp(shape * z - y - mp.loggamma(shape))
        return weight * mp.gammainc(k, y * silence / scale, regularized=True)

    width = 1 / mp.sqrt(shape)
    mode = mp.log(shape)
    tilted = mp.log(shape / (1 + silence / scale))
    first = min(mode, tilted) - 12 * width
    points = mp.linspace(first - 75 / shape, first, 9) + mp.linspace(first, max(mode, tilted) + 12 * width + 2, 41)[1:]
    # The rule's goal is absolute: without the scale a small chance would be a rough one.
    highest = max(integrand(z) for z in points)
    return highest * mp.quad(lambda z: integrand(z) / highest, points, method="gauss-legendre", maxdegree=4)


def exact(text: str):
    return mp.mpf(float(text))


def statistic(start, rho, shape, scale, k, first, last, unit):
    def log_p(v):
        # Checked against the integral over rates below.
        return mp.log(mp.betainc(shape, k, 0, scale / (scale + v), regularized=True))

    end = log_p(last)
    # From nothing P starts like 1 - v^k, which is smooth in the tenth root of v for every k of the table.
    power = 10 if first == 0 else 1

    def grown(q):
        v = first + (last - first) * q**power
        return power * q ** (power - 1) * mp.exp((1 - rho) * (log_p(v) - end))

    points = [0, 0.4, 0.7, 0.9, 1] if first == 0 else [0, 0.05, 0.2, 0.5, 1]
    area = (last - first) * mp.quad(grown, points, method="gauss-legendre", maxdegree=4)
    return start * mp.exp((1 - rho) * (log_p(first) - end)) + area / unit


def main() -> None:
    rows = ["r,alpha,k,x,G,from,silence,p,log_stop,log_half"]
    for k in ("0.2", "0.5", "1.7", "4", "20"):
        for r, alpha in (("0.55", "74.06"), ("5", "7")):
            for x, gaps in (("0", "0"), ("60", "420")):
                for first, silence in (("0", "1"), ("0", "45"), ("20", "365")):
                    shape = exact(r) + exact(k) * exact(x)
                    scale = exact(alpha) + exact(gaps)
                    p = silent_longer(shape, scale, exact(k), exact(silence))
                    again = mp.betainc(shape, exact(k), 0, scale / (scale + exact(silence)), regularized=True)
                    assert abs(p / again - 1) < mp.mpf(10) ** -14, (k, r, x, silence, p, again)
                    logs = [
                        mp.log(statistic(start, rho, shape, scale, exact(k), exact(first), exact(silence), mp.mpf(7)))
                        for start, rho in ((0, mp.mpf(0)), (3.5, mp.mpf("0.5")))
                    ]
                    values = ",".join(mp.nstr(v, 20) for v in (p, *logs))
                    rows.append(f"{r},{alpha},{k},{x},{gaps},{first},{silence},{values}")
    (here / "defection_regular.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
