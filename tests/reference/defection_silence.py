"""The hazard clock and the Shiryaev-Roberts statistic at 50 digits from their defining integrals.

clock: P(gap > s) = integral of exp(-rate s) over the customer's posterior Gamma(r + x, alpha + G), by quadrature.
statistic: R(s) = e^{(1-rho) H(s)} R(0) + (1/u) integral over v of e^{(1-rho) (H(s) - H(v))}, by quadrature.

Writes defection_clock.csv and defection_statistic.csv beside this file.
"""

from pathlib import Path

import mpmath as mp

mp.mp.dps = 50
here = Path(__file__).parent


def silent_longer(shape, scale, silence):
    # In the variable rate * scale, cut where the rest lies below 1e-60.
    def density(y):
        return mp.exp((shape - 1) * mp.log(y) - y - mp.loggamma(shape))

    # y = e^z takes the singularity at zero away.
    return mp.quad(
        lambda z: density(mp.exp(z)) * mp.exp(z - mp.exp(z) * silence / scale),
        [-150 / shape - 5, -20, -10, -5, -2, 0, 1, 2, 3, 4, 5, 6, 8],
    )


def statistic(start, rho, shape, scale, silence, unit):
    def hazard(v):
        return shape * mp.log1p(v / scale)

    points = [0, silence / 100, silence / 10, silence / 3, silence]
    grown = mp.quad(lambda v: mp.exp((1 - rho) * (hazard(silence) - hazard(v))), points)
    return start * mp.exp((1 - rho) * hazard(silence)) + grown / unit


def exact(text: str):
    return mp.mpf(float(text))


def main() -> None:
    rows = ["r,alpha,x,G,silence,p"]
    for r, alpha in (("0.55", "74.06"), ("2", "14"), ("5", "7")):
        for x, gaps in (("0", "0"), ("1", "30"), ("7", "250"), ("60", "420")):
            for silence in ("1", "20", "365"):
                p = silent_longer(exact(r) + exact(x), exact(alpha) + exact(gaps), exact(silence))
                rows.append(f"{r},{alpha},{x},{gaps},{silence},{mp.nstr(p, 25)}")
    (here / "defection_clock.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    rows = ["start,rho,shape,scale,silence,unit,log_statistic"]
    for rho in ("0", "0.5", "0.8"):
        # The fractions of the rate that make p = (1 - rho) shape exactly or nearly one belong to the domain.
        for shape, scale in (
            ("0.55", "74.06"),
            ("1", "30"),
            ("2", "14"),
            ("2.000001", "14"),
            ("9", "250"),
            ("65", "427"),
        ):
            for start in ("0", "3.5", "400"):
                for silence in ("0.25", "10", "180"):
                    value = statistic(*(exact(v) for v in (start, rho, shape, scale, silence)), mp.mpf(7))
                    rows.append(f"{start},{rho},{shape},{scale},{silence},7,{mp.nstr(mp.log(value), 25)}")
    (here / "defection_statistic.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
