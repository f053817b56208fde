"""clavis fit, score, watch and tiers: what the library says, in files and words and for machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

import clavis as cv
from clavis.cli import main

AS_OF = "2024-12-30"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = cv.simulate_shop(customers=300, seed=11)
    path = tmp_path_factory.mktemp("shop") / "orders.csv"
    names = ("customer_id", "time", "amount", "order_id", "kind")
    pa.csv.write_csv(pa.table({name: pa.array(shop.transactions[name]) for name in names}), path)
    return path


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def summary_of(log: Path) -> cv.Summary:
    return cv.summarize(cv.read(log), amount="amount", observe_until=AS_OF)


def test_fit_says_what_the_library_says(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = cv.ParetoNBD().fit(summary_of(log))
    assert main(["fit", str(log), "--model", "ParetoNBD", "--as-of", AS_OF]) == 0
    printed = capsys.readouterr().out
    assert repr(expected) in printed
    assert "GammaGamma" in printed
    assert main(["fit", str(log), "--model", "ParetoNBD", "--as-of", AS_OF, "--json"]) == 0
    found = answer(capsys)
    assert (found["customers"], found["unit"]) == (300, "week")
    assert found["fits"][0]["model"] == "ParetoNBD"
    assert found["fits"][0]["parameters"] == expected.params_
    assert found["fits"][0]["report"]["standard_errors"] == expected.report_.standard_errors
    assert found["fits"][1]["parameters"].keys() == {"p", "q", "gamma"}


def test_score_writes_what_the_library_computes(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = summary_of(log)
    model, spend = cv.BetaGeoNBD().fit(summary), cv.GammaGamma().fit(summary)
    out = tmp_path / "scores.parquet"
    options = [str(log), "--as-of", AS_OF, "--horizon", "26 weeks", "--margin", "0.3"]
    assert main(["score", *options, "--out", str(out)]) == 0
    assert "300 customers" in capsys.readouterr().out
    scores = cv.read(out)
    assert scores["customer_id"].to_pylist() == summary.customer_id.tolist()
    np.testing.assert_array_equal(scores["probability_alive"], model.probability_alive(summary))
    np.testing.assert_array_equal(scores["expected_purchases"], model.expected_purchases(summary, "26 weeks"))
    value = cv.lifetime_value(model, spend, summary, horizon="26 weeks", annual_rate=0.10, margin=0.3)
    np.testing.assert_array_equal(scores["value"], value["value"])
    assert main(["score", *options, "--json"]) == 0
    assert answer(capsys)["value"] == pytest.approx(value["value"].sum())
    # Without a file the table goes to the output, and nothing else does.
    assert main(["score", *options]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith('"customer_id","frequency"')


def test_watch_writes_alerts_and_states(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = cv.read(log)
    monitor = cv.DefectionMonitor(false_alarms_per_year=0.2).fit(records, baseline_until="2024-01-01")
    alerts = monitor.update(records, as_of=AS_OF)
    assert len(alerts) > 0
    out, states = tmp_path / "alerts.csv", tmp_path / "states.parquet"
    options = [str(log), "--baseline-until", "2024-01-01", "--false-alarms", "0.2", "--as-of", AS_OF]
    assert main(["watch", *options, "--out", str(out), "--states", str(states)]) == 0
    assert f"{len(alerts)} alerts from 2024-01-01" in capsys.readouterr().out
    assert cv.read(out)["sentence"].to_pylist() == alerts["sentence"].tolist()
    assert cv.read(states)["state"].to_pylist() == monitor.states(as_of=AS_OF)["state"].tolist()
    assert main(["watch", *options, "--json"]) == 0
    found = answer(capsys)
    assert [one["sentence"] for one in found["alerts"]] == alerts["sentence"].tolist()
    assert sum(found["states"].values()) == found["customers"]


def test_tiers_replays_a_programme(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = {
        "name": "shop", "metric": "spend", "window": {"rolling_days": 365},
        "tiers": [{"name": "Base"}, {"name": "Silver", "threshold": 100}, {"name": "Never", "threshold": 1e9}],
    }  # fmt: skip
    path = tmp_path / "program.json"
    path.write_text(json.dumps(program))
    expected = cv.TierProgram.from_json(program).replay(cv.read(log), as_of=AS_OF)
    out = tmp_path / "tiers.csv"
    assert main(["tiers", str(log), "--program", str(path), "--as-of", AS_OF, "--out", str(out)]) == 0
    assert "0 Never" in capsys.readouterr().out
    assert cv.read(out)["tier"].to_pylist() == expected["tier"].tolist()
    assert main(["tiers", str(log), "--program", str(path), "--as-of", AS_OF, "--json"]) == 0
    found = answer(capsys)
    assert found["tiers"] == {name: int((expected["tier"] == name).sum()) for name in ("Base", "Silver", "Never")}


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["fit", "LOG", "--model", "Oracle"], 2, "--model must be BetaGeoNBD or"),
        (["fit", "missing.csv"], 1, "missing.csv"),
        (["score", "LOG", "--horizon", "soon"], 1, "soon"),
        (["score", "LOG", "--out", "scores.xls"], 1, "must end in .csv or .parquet"),
        (["watch", "LOG"], 2, "--baseline-until"),
        (["watch", "LOG", "--baseline-until", "2024-02-30"], 1, "2024-02-30"),
        (["tiers", "LOG", "--program", "missing.json"], 1, "missing.json: cannot be read"),
        (["tiers", "LOG"], 2, "--program"),
        (["fit", "LOG", "--threads", "-1"], 2, "--threads"),
    ],
)
def test_wrong_input_is_one_sentence_and_a_code(
    arguments: list[str], code: int, complaint: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(log) if one == "LOG" else one for one in arguments]
    assert main(arguments) == code
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert printed.err.startswith("clavis: ") and printed.err.count("\n") == 1
    assert main([*arguments, "--json"]) == code
    assert answer(capsys)["exit_code"] == code


def test_a_fit_that_does_not_converge_says_so_by_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.csv"
    rows = [f"{customer},2024-0{month}-05" for customer in range(1, 30) for month in range(1, 7)]
    path.write_text("customer_id,time\n" + "\n".join(rows) + "\n")
    assert main(["fit", str(path), "--as-of", "2024-06-30", "--json"]) == 1
    found = answer(capsys)
    assert found["fits"][0]["report"]["converged"] is False
    assert found["notes"] == ["no amounts: spend is not modelled"]
