#pragma once

// Every public header, the lowest rooms first. A program that needs one thing includes that one.

#include "clavis/version.hpp"

#include "clavis/core/columns.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/core/progress.hpp"
#include "clavis/core/random.hpp"
#include "clavis/core/time.hpp"
#include "clavis/core/time_text.hpp"
#include "clavis/core/time_zone.hpp"

#include "clavis/numerics/optimize.hpp"
#include "clavis/numerics/quadrature.hpp"
#include "clavis/numerics/special.hpp"

#include "clavis/statistics/concentration.hpp"
#include "clavis/statistics/quantiles.hpp"

#include "clavis/ledger/arrow.hpp"
#include "clavis/ledger/arrow_abi.hpp"
#include "clavis/ledger/directory.hpp"
#include "clavis/ledger/event_log.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/ledger/identities.hpp"
#include "clavis/ledger/intake.hpp"
#include "clavis/ledger/intake_rows.hpp"
#include "clavis/ledger/quality.hpp"
#include "clavis/ledger/rates.hpp"
#include "clavis/ledger/summarize.hpp"
#include "clavis/ledger/summary.hpp"
#include "clavis/ledger/table_check.hpp"
#include "clavis/ledger/table_schema.hpp"
#include "clavis/ledger/transactions.hpp"

#include "clavis/value/rfm.hpp"
#include "clavis/value/segments.hpp"

#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/lifetime/beta_geo_nbd.hpp"
#include "clavis/lifetime/clv.hpp"
#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/lifetime/model.hpp"
#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"

#include "clavis/loyalty/tier_program.hpp"
#include "clavis/loyalty/tier_replay.hpp"

#include "clavis/defection/baseline.hpp"
#include "clavis/defection/detectors.hpp"
#include "clavis/defection/hazard_clock.hpp"
#include "clavis/defection/monitor.hpp"

#include "clavis/simulate/beta_geo_nbd.hpp"
#include "clavis/simulate/gamma_gamma.hpp"
#include "clavis/simulate/modified_beta_geo_nbd.hpp"
#include "clavis/simulate/purchases.hpp"
#include "clavis/simulate/shop.hpp"
#include "clavis/simulate/shop_column.hpp"
#include "clavis/simulate/shop_options.hpp"
#include "clavis/simulate/shop_tables.hpp"

#include "clavis/metrics/class_statistics.hpp"
#include "clavis/metrics/class_table.hpp"
#include "clavis/metrics/indicators.hpp"

#include "clavis/analysis/analyse.hpp"
