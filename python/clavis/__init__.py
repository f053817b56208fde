"""clavis: who matters, what they are worth ahead, who is leaving and how loyal they are, from the records at hand."""

from __future__ import annotations

from clavis import _threads
from clavis._clavis import Cancelled, InputError, __version__
from clavis._memory import keep_memory
from clavis.analysis import Analysis, analyse
from clavis.book import CustomerBook
from clavis.changes import ChangeReasons, ShareChanges, explain_change, share_changes
from clavis.defection import DefectionMonitor, average_run_length, threshold_for
from clavis.discrete import (
    BetaDiscreteWeibull,
    BetaGeoBetaBinomial,
    ShiftedBetaGeo,
    contracts,
    contracts_from_survivors,
)
from clavis.early_warning import EarlyWarning
from clavis.evaluation import ALARM_RULES, RuleCheck, evaluate_rules
from clavis.identities import Identities
from clavis.lifetime import (
    NBD,
    BetaGeoCNBD,
    BetaGeoNBD,
    FitReport,
    GammaGamma,
    GammaGompertzNBD,
    ModifiedBetaGeoCNBD,
    ModifiedBetaGeoNBD,
    ParetoGGG,
    ParetoNBD,
    lifetime_value,
)
from clavis.loyalty import TierProgram
from clavis.model_choice import ModelChoice, choose_model
from clavis.multiplicity import AdaptiveLevel, ConformalScores, IsotonicCalibration, false_discovery_levels
from clavis.plotting import (
    plot_alive_matrix,
    plot_calibration,
    plot_frequency,
    plot_rate_densities,
    plot_reasons,
    plot_retention,
    plot_survival,
    plot_timeline,
    plot_tracking,
    plot_value_distribution,
)
from clavis.quality import BookQuality, Quality, Refusal
from clavis.retention import CohortTable, Retention, cohorts, retention_table, spells
from clavis.saved import load
from clavis.simulate import simulate_shop
from clavis.sources import read, read_batches
from clavis.summary import Summarizer, Summary, summarize
from clavis.survival import (
    AalenJohansen,
    KaplanMeier,
    LogRank,
    NelsonAalen,
    brier_score,
    concordance_index,
    log_rank,
)
from clavis.survival_regression import CoxPH, CoxReport, WeibullAFT
from clavis.table import Table
from clavis.value import Concentration, RfmTable, SegmentMap, concentration, rfm

__all__ = [
    "ALARM_RULES",
    "NBD",
    "AalenJohansen",
    "AdaptiveLevel",
    "Analysis",
    "BetaDiscreteWeibull",
    "BetaGeoBetaBinomial",
    "BetaGeoCNBD",
    "BetaGeoNBD",
    "BookQuality",
    "Cancelled",
    "ChangeReasons",
    "CohortTable",
    "Concentration",
    "ConformalScores",
    "CoxPH",
    "CoxReport",
    "CustomerBook",
    "DefectionMonitor",
    "EarlyWarning",
    "FitReport",
    "GammaGamma",
    "GammaGompertzNBD",
    "Identities",
    "InputError",
    "IsotonicCalibration",
    "KaplanMeier",
    "LogRank",
    "ModelChoice",
    "ModifiedBetaGeoCNBD",
    "ModifiedBetaGeoNBD",
    "NelsonAalen",
    "ParetoGGG",
    "ParetoNBD",
    "Quality",
    "Refusal",
    "Retention",
    "RfmTable",
    "RuleCheck",
    "SegmentMap",
    "ShareChanges",
    "ShiftedBetaGeo",
    "Summarizer",
    "Summary",
    "Table",
    "TierProgram",
    "WeibullAFT",
    "__version__",
    "analyse",
    "average_run_length",
    "brier_score",
    "choose_model",
    "cohorts",
    "concentration",
    "concordance_index",
    "contracts",
    "contracts_from_survivors",
    "evaluate_rules",
    "explain_change",
    "false_discovery_levels",
    "keep_memory",
    "lifetime_value",
    "load",
    "log_rank",
    "plot_alive_matrix",
    "plot_calibration",
    "plot_frequency",
    "plot_rate_densities",
    "plot_reasons",
    "plot_retention",
    "plot_survival",
    "plot_timeline",
    "plot_tracking",
    "plot_value_distribution",
    "read",
    "read_batches",
    "retention_table",
    "rfm",
    "share_changes",
    "simulate_shop",
    "spells",
    "summarize",
    "threshold_for",
]

_threads.check_everywhere(globals(), __all__)
