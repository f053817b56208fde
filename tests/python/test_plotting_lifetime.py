"""Pictures of lifetime models: their numbers against published ones and brute force, and what is on the axes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clavis as cv
from clavis import plotting

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
pd = pytest.importorskip("pandas")
plt = pytest.importorskip("matplotlib.pyplot")

COLUMNS = {"customer": "sample_id", "time": "date"}
UNTIL = "1997-09-30"
PARETO = cv.ParetoNBD(r=0.553277, alpha=10.577683, s=0.60624, beta=11.668735, unit="week")
BETA_GEO = cv.BetaGeoNBD(r=0.242595, alpha=4.413602, a=0.792922, b=2.425907, unit="week")


@pytest.fixture(scope="module")
def log(data: Callable[[str], Path]) -> Any:
    return pd.read_csv(data("cdnow_sample.csv"))


@pytest.fixture(scope="module")
def cdnow(log: Any) -> cv.Summary:
    return cv.summarize(log, calibrate_until=UNTIL, amount="amount", **COLUMNS)


@pytest.fixture
def small() -> cv.Summary:
    return cv.Summary(
        frequency=[0, 2, 5, 1, 0, 3, 0, 1],
        recency=[0.0, 10.0, 30.5, 4.0, 0.0, 22.0, 0.0, 7.0],
        T=[38.0, 38.5, 36.0, 30.0, 31.0, 35.0, 12.0, 33.0],
    )


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


SALES = {
    "id": [1, 1, 1, 2, 2, 3],
    "day": ["2024-01-01", "2024-01-08", "2024-01-09", "2024-01-03", "2024-01-14", "2024-01-12"],
}
SALES_COLUMNS = {"customer": "id", "time": "day"}


class TestTables:
    @pytest.mark.parametrize(
        ("model", "expected", "near"),
        [
            (PARETO, [1308.856, 1385.275, 1459.923, 1532.906, 1604.32, 1674.253], 6e-5),
            (BETA_GEO, [1312.458, 1387.346, 1460.392, 1531.713, 1601.418, 1669.6], 5e-6),
        ],
    )
    def test_tracking_of_cdnow(self, log: Any, model: Any, expected: list[float], near: float) -> None:
        table = plotting.tracking_table(model, log, calibrate_until=UNTIL, **COLUMNS)
        assert len(table) == 78
        weeks = slice(19, 25)
        assert table["actual_cumulative"][weeks].tolist() == [1359, 1414, 1484, 1517, 1573, 1672]
        assert table["expected_cumulative"][weeks] == pytest.approx(
            expected, rel=near
        )  # published at parameters that end elsewhere by 1e-4
        assert table["actual"].cumsum() == pytest.approx(table["actual_cumulative"])
        assert table["expected"].cumsum() == pytest.approx(table["expected_cumulative"])
        assert table["customers"][-1] == 2357
        assert table["calibration"].sum() == 39
        assert str(table["until"][38]) == "1997-09-30"

    def test_tracking_by_hand(self) -> None:
        table = plotting.tracking_table(BETA_GEO, SALES, **SALES_COLUMNS)
        assert table["until"].astype(str).tolist() == ["2024-01-07", "2024-01-14"]
        assert table["actual"].tolist() == [0, 3]
        assert table["customers"].tolist() == [2, 3]
        new = BETA_GEO.expected_purchases_new_customer
        one = new("7 days") + new("5 days")
        two = new("14 days") + new("12 days") + new("3 days")
        assert table["expected_cumulative"] == pytest.approx([one, two], rel=1e-12)
        part = plotting.tracking_table(BETA_GEO, SALES, calibrate_until="2024-01-11", **SALES_COLUMNS)
        assert part["customers"].tolist() == [2, 2]
        assert part["calibration"].tolist() == [True, False]
        assert part["expected_cumulative"][1] == pytest.approx(new("14 days") + new("12 days"), rel=1e-12)
        days = plotting.tracking_table(BETA_GEO, SALES, period="day", observe_until="2024-01-20", **SALES_COLUMNS)
        assert len(days) == 20
        assert days["actual_cumulative"][-1] == 3

    def test_frequencies(self, cdnow: cv.Summary, small: cv.Summary) -> None:
        table = plotting.frequency_table(PARETO, cdnow)
        assert table["actual"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
        assert table["expected"].sum() == pytest.approx(2357)
        few = plotting.frequency_table(BETA_GEO, small, max_frequency=3)
        pmf = sum(BETA_GEO.purchase_pmf_new_customer(float(age), 3) for age in small["T"])
        assert few["expected"][:3] == pytest.approx(pmf[:3], rel=1e-9)
        assert few["actual"].tolist() == [3, 2, 1, 2]
        plain = plotting.frequency_table(
            cv.BetaGeoNBD(**BETA_GEO.params_, unit="week"), small.to_pandas(), max_frequency=3
        )
        assert plain["expected"] == pytest.approx(few["expected"])

    def test_frequencies_of_many_ages_and_of_weighted_rows(self) -> None:
        rng = np.random.default_rng(2)
        ages = rng.uniform(0, 100, 3000)
        many = cv.Summary(np.zeros(3000, int), np.zeros(3000), ages, weights=np.full(3000, 2.0))
        table = plotting.frequency_table(BETA_GEO, many, max_frequency=4)
        exact = 2 * sum(BETA_GEO.purchase_pmf_new_customer(float(age), 4) for age in ages)
        assert table["expected"][:4] == pytest.approx(exact[:4], rel=1e-3)
        assert table["actual"].tolist() == [6000, 0, 0, 0, 0]

    @pytest.mark.parametrize(
        ("model", "expected"),
        [
            (BETA_GEO, [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570]),
            (PARETO, [0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403]),
        ],
    )
    def test_calibration(self, cdnow: cv.Summary, model: Any, expected: list[float]) -> None:
        table = plotting.calibration_table(model, cdnow)
        assert table["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
        actual = [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359]
        assert table["actual"] == pytest.approx(actual, abs=6e-4)
        assert table["expected"] == pytest.approx(expected, abs=8e-4)
        wide = plotting.calibration_table(model, cdnow, max_frequency=200)
        assert np.isnan(wide["actual"][150])

    def test_alive(self) -> None:
        table = plotting.alive_table(PARETO, T="39 weeks", max_frequency=3, steps=5)
        assert table["recency"][:5] == pytest.approx([0, 9.75, 19.5, 29.25, 39])
        row = cv.Summary([2], [19.5], [39.0])
        assert table["probability_alive"][7] == pytest.approx(PARETO.probability_alive(row)[0])
        assert np.isnan(table["probability_alive"][0])
        in_days = plotting.alive_table(PARETO, T="273 days", max_frequency=3, steps=5)
        assert in_days["probability_alive"][7] == pytest.approx(table["probability_alive"][7])
        donors = cv.BetaGeoBetaBinomial(alpha=1.2, beta=0.75, gamma=0.66, delta=2.78, unit="year")
        whole = plotting.alive_table(donors, T="6 years", max_frequency=4)
        assert len(whole) == 28
        assert np.isnan(whole["probability_alive"]).sum() == 1 + 2 + 3 + 4

    @pytest.mark.parametrize(
        ("model", "which", "mean"),
        [
            (PARETO, "purchases", 0.553277 / 10.577683),
            (PARETO, "dropout", 0.60624 / 11.668735),
            (BETA_GEO, "dropout", 0.792922 / (0.792922 + 2.425907)),
            (cv.BetaGeoCNBD(k=2, r=3.0, alpha=6.0, a=2.0, b=3.0), "purchases", 0.25),
            (cv.GammaGompertzNBD(r=1.0, alpha=5.0, b=0.5, s=2.0, beta=4.0), "dropout", 0.25),
            (cv.BetaGeoBetaBinomial(alpha=2.0, beta=6.0, gamma=2.0, delta=3.0), "purchases", 0.25),
            (cv.ShiftedBetaGeo(alpha=1.0, beta=3.0), "dropout", 0.25),
            (cv.BetaDiscreteWeibull(gamma=1.0, delta=3.0, c=1.2), "dropout", 0.25),
        ],
    )
    def test_densities(self, model: Any, which: str, mean: float) -> None:
        table = plotting.rate_density_table(model, which, points=20_000)
        assert table["mean"][0] == pytest.approx(mean)
        step = table["value"][1] - table["value"][0]
        # The sum over the grid is the whole, but for the tail and the neighbourhood of a pole.
        assert (table["density"] * step).sum() == pytest.approx(1, abs=0.04)
        assert (table["density"] * table["value"] * step).sum() == pytest.approx(mean, rel=0.15)

    def test_what_has_no_density(self) -> None:
        with pytest.raises(ValueError, match="nobody leaves"):
            plotting.rate_density_table(cv.NBD(r=1.0, alpha=2.0), "dropout")
        with pytest.raises(ValueError, match="no rate of purchases"):
            plotting.rate_density_table(cv.ShiftedBetaGeo(alpha=1.0, beta=3.0))
        with pytest.raises(ValueError, match='neither "purchases" nor "dropout"'):
            plotting.rate_density_table(PARETO, "spend")

    def test_values(self) -> None:
        values = np.r_[np.geomspace(1, 1000, 999), 1e-9, 0.0, np.nan, -3.0]
        table = plotting.value_table(values, bins=10)
        assert table["customers"].sum() == 1000
        assert table["value"].sum() == pytest.approx(np.geomspace(1, 1000, 999).sum())
        assert table["low"][0] == 0 and 1 < table["high"][0] < 3
        assert table["high"][-1] == 1000
        assert np.array_equal(table["high"][:-1], table["low"][1:])
        same = plotting.value_table(cv.Table({"value": np.full(5, 7.0)}))
        assert same["customers"].tolist() == [5]
        with pytest.raises(ValueError, match="no value is positive"):
            plotting.value_table([0.0, np.nan])

    def test_bad_input(self, small: cv.Summary) -> None:
        with pytest.raises(ValueError, match="not a whole number of days"):
            plotting.tracking_table(PARETO, SALES, period="36 hours", **SALES_COLUMNS)
        with pytest.raises(ValueError, match="shorter than one period"):
            plotting.tracking_table(PARETO, SALES, period="400 days", **SALES_COLUMNS)
        with pytest.raises(ValueError, match="nobody bought until 2023-01-01"):
            plotting.tracking_table(PARETO, SALES, calibrate_until="2023-01-01", **SALES_COLUMNS)
        with pytest.raises(ValueError, match="no holdout"):
            plotting.calibration_table(PARETO, small)
        for wrong in (0, 2.5, True):
            with pytest.raises(ValueError, match="max_frequency must be a whole number"):
                plotting.frequency_table(PARETO, small, max_frequency=wrong)  # type: ignore[arg-type]


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


class TestPictures:
    def test_tracking(self, log: Any) -> None:
        ax = cv.plot_tracking(PARETO, log, calibrate_until=UNTIL, **COLUMNS)
        actual, expected, limit = ax.get_lines()
        assert actual.get_ydata()[24] == 1672
        assert expected.get_ydata()[24] == pytest.approx(1674.253, rel=6e-5)
        assert limit.get_xdata()[0] == np.datetime64(UNTIL) or str(limit.get_xdata()[0]) == UNTIL
        assert texts(ax) == ["actual", "expected, ParetoNBD", "fitted until 1997-09-30"]
        assert ax.get_xlabel() == "week ending on"
        own = plt.figure().subplots()
        assert cv.plot_tracking(PARETO, log, kind="incremental", ax=own, **COLUMNS) is own
        assert own.get_lines()[0].get_ydata().sum() == ax.get_lines()[0].get_ydata()[-1]
        assert own.get_title(loc="left") == "Repeat purchases, week by week"
        with pytest.raises(ValueError, match="neither"):
            cv.plot_tracking(PARETO, log, kind="both", **COLUMNS)

    def test_frequency(self, small: cv.Summary) -> None:
        ax = cv.plot_frequency(BETA_GEO, small, max_frequency=3)
        heights = [bar.get_height() for bar in ax.patches]
        assert heights[:4] == [3, 2, 1, 2]
        assert sum(heights[4:]) == pytest.approx(8)
        assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1", "2", "3+"]
        many = cv.plot_frequency(BETA_GEO, small, max_frequency=60)
        labels = [label.get_text() for label in many.get_xticklabels()]
        assert len(labels) <= 17 and labels[-1] == "60+"

    def test_calibration(self, cdnow: cv.Summary) -> None:
        ax = cv.plot_calibration(BETA_GEO, cdnow)
        actual, expected = ax.get_lines()
        assert actual.get_ydata()[7] == pytest.approx(6.359, abs=6e-4)
        assert expected.get_ydata()[7] == pytest.approx(6.1570, abs=6e-4)
        assert ax.get_xticklabels()[0].get_text() == "0\n(1,411)"
        assert "39 weeks" in ax.get_title(loc="left")

    def test_alive(self, small: cv.Summary) -> None:
        ax = cv.plot_alive_matrix(PARETO, small)
        (mesh,) = ax.collections
        assert mesh.get_array().shape == (10, 60)
        assert ax.get_xlabel() == "age at the last purchase, weeks"
        assert "38.5 weeks" in ax.get_title(loc="left")
        assert cv.plot_alive_matrix(PARETO, T="52 weeks", max_frequency=4).collections[0].get_array().shape == (4, 60)
        with pytest.raises(ValueError, match="give T, the age of the customers, or a summary"):
            cv.plot_alive_matrix(PARETO)

    def test_densities(self) -> None:
        ax = cv.plot_rate_densities(PARETO)
        assert texts(ax) == ["mean 0.0523, one in 19.1 weeks"]
        assert ax.get_xlabel() == "purchases a week"
        left = cv.plot_rate_densities(BETA_GEO, "dropout")
        assert left.get_xlim() == (0, 1)
        assert left.get_xlabel() == "chance of leaving after a purchase"
        labels = {
            "rate of leaving, a week": PARETO,
            "rate of leaving, a unit, at the start": cv.GammaGompertzNBD(r=1.0, alpha=5.0, b=0.5, s=2.0, beta=4.0),
            "chance of leaving at an opportunity": cv.BetaGeoBetaBinomial(alpha=2.0, beta=6.0, gamma=2.0, delta=3.0),
            "chance of leaving at a renewal": cv.ShiftedBetaGeo(alpha=1.0, beta=3.0),
        }
        for label, model in labels.items():
            assert cv.plot_rate_densities(model, "dropout").get_xlabel() == label

    def test_values(self) -> None:
        values = np.r_[np.geomspace(1, 1000, 1000), np.nan, 0.0]
        ax = cv.plot_value_distribution(values, bins=30)
        assert sum(bar.get_height() for bar in ax.patches) == 1000
        best = np.geomspace(1, 1000, 1000)[800:].sum() / np.geomspace(1, 1000, 1000).sum()
        assert texts(ax)[2] == f"the best fifth: {100 * best:.0f} % of all value"
        assert ax.get_title(loc="left").startswith("What 1,000 customers are worth (2 without value")
        assert ax.get_xscale() == "log"

    def test_a_model_without_unit_takes_that_of_the_summary(self, cdnow: cv.Summary) -> None:
        bare = cv.BetaGeoNBD(**BETA_GEO.params_)
        for call in (plotting.frequency_table, plotting.calibration_table):
            assert call(bare, cdnow)["expected"] == pytest.approx(call(BETA_GEO, cdnow)["expected"])
        assert cv.plot_alive_matrix(bare, cdnow).get_xlabel() == "age at the last purchase, weeks"
        with pytest.raises(ValueError, match="unit"):
            cv.plot_tracking(bare, SALES, **SALES_COLUMNS)
        days = cv.summarize(SALES, unit="day", **SALES_COLUMNS)
        weeks = cv.summarize(SALES, **SALES_COLUMNS)
        assert plotting.frequency_table(BETA_GEO, days)["expected"] == pytest.approx(
            plotting.frequency_table(BETA_GEO, weeks)["expected"]
        )

    def test_models_of_whole_periods(self) -> None:
        donors = cv.BetaGeoBetaBinomial(alpha=1.2, beta=0.75, gamma=0.66, delta=2.78, unit="year")
        s = cv.Summary([0, 2, 3], [0, 4, 5], [6, 6, 6], unit="year")
        assert plotting.frequency_table(donors, s, max_frequency=6)["expected"].sum() == pytest.approx(3)
        assert cv.plot_alive_matrix(donors, s).get_xlabel() == "age at the last purchase, years"
        assert cv.plot_rate_densities(donors).get_xlabel() == "chance of buying at an opportunity"

    def test_axes_given_are_drawn_on_and_returned(self, cdnow: cv.Summary, small: cv.Summary) -> None:
        calls: list[Callable[[Any], Any]] = [
            lambda ax: cv.plot_tracking(PARETO, SALES, ax=ax, **SALES_COLUMNS),
            lambda ax: cv.plot_frequency(PARETO, small, ax=ax),
            lambda ax: cv.plot_calibration(PARETO, cdnow, ax=ax),
            lambda ax: cv.plot_alive_matrix(PARETO, small, ax=ax),
            lambda ax: cv.plot_rate_densities(PARETO, ax=ax),
            lambda ax: cv.plot_value_distribution([1.0, 2.0, 5.0], ax=ax),
        ]
        for call in calls:
            ax = plt.figure().subplots()
            assert call(ax) is ax
            assert ax.get_title(loc="left") and ax.get_xlabel() and ax.get_ylabel()
            assert len(plt.get_fignums()) == 1  # no figure of its own
            plt.close("all")

    def test_they_can_be_saved(self, tmp_path: Path, small: cv.Summary) -> None:
        for number, ax in enumerate((cv.plot_frequency(PARETO, small), cv.plot_alive_matrix(PARETO, small))):
            path = tmp_path / f"{number}.png"
            ax.figure.savefig(path)
            assert path.stat().st_size > 5000


def test_without_matplotlib_the_extra_is_named(small: cv.Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def missing(name: str, package: str | None = None) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", missing)
    calls: dict[str, Callable[[], Any]] = {
        "plot_tracking": lambda: cv.plot_tracking(PARETO, SALES, **SALES_COLUMNS),
        "plot_frequency": lambda: cv.plot_frequency(PARETO, small),
        "plot_calibration": lambda: cv.plot_calibration(PARETO, small),
        "plot_alive_matrix": lambda: cv.plot_alive_matrix(PARETO, small),
        "plot_rate_densities": lambda: cv.plot_rate_densities(PARETO),
        "plot_value_distribution": lambda: cv.plot_value_distribution([1.0, 2.0]),
    }
    for name, call in calls.items():
        with pytest.raises(ImportError, match=rf"{name} needs the package matplotlib: pip install 'clavis\[plot\]'"):
            call()
    assert len(plotting.frequency_table(PARETO, small)) == 8
