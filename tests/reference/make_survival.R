# Makes survival_rows.csv (180 rows with ties, late entry, strata, clusters, weights) and survival.csv, what R's package
# survival (3.5-3) says of them:  Rscript make_survival.R
library(survival)
set.seed(20261129)
n <- 180
d <- data.frame(x = round(rnorm(n), 3), y = rbinom(n, 1, 0.4), z = round(runif(n, 10, 30), 2))
d$stratum <- sample(0:2, n, TRUE)
d$cluster <- sample(0:39, n, TRUE)
d$group <- sample(0:3, n, TRUE)
d$weight <- round(runif(n, 0.3, 2.5), 2)
t <- rexp(n) * 12 * exp(-0.6 * d$x + 0.5 * d$y - 0.03 * (d$z - 20)) * (1 + d$stratum / 3)
c <- runif(n, 3, 30)
d$start <- ifelse(runif(n) < 0.5, 0, floor(runif(n, 0, 5)))
d$stop <- pmax(ceiling(pmin(t, c)), d$start + 1)
d$event <- as.integer(t <= c)
d$id <- seq_len(n)
d$cause <- d$event * (1 + rbinom(n, 1, 0.35))
write.csv(d, "survival_rows.csv", row.names = FALSE, quote = FALSE)

out <- list()
put <- function(name, ...) out[[length(out) + 1]] <<- paste(c(name, sprintf("%.17g", c(...))), collapse = ",")

curve <- function(name, fit, times) {
  s <- summary(fit, times = times, extend = TRUE)
  put(paste0(name, ".n"), s$n.risk)
  put(paste0(name, ".survival"), s$surv)
  put(paste0(name, ".se"), s$std.err)
  put(paste0(name, ".low"), s$lower)
  put(paste0(name, ".high"), s$upper)
}
times <- c(1, 2, 5, 9, 14, 20)
put("times", times)
km <- survfit(Surv(stop, event) ~ 1, d, conf.type = "log-log")
curve("km.log-log", km, times)
curve("km.log", survfit(Surv(stop, event) ~ 1, d), times)
curve("km.plain", survfit(Surv(stop, event) ~ 1, d, conf.type = "plain"), times)
curve("km.entry", survfit(Surv(start, stop, event) ~ 1, d, conf.type = "log-log"), times)
curve("km.weights", survfit(Surv(stop, event) ~ 1, d, weights = weight, conf.type = "log-log", robust = FALSE), times)
curve("km.entry.weights",
      survfit(Surv(start, stop, event) ~ 1, d, weights = weight, conf.type = "log-log", robust = FALSE), times)
for (p in c(0.25, 0.5, 0.6)) {
  q <- quantile(km, p)
  put(paste0("km.quantile.", p), q$quantile, q$lower, q$upper)
}
rmst <- survival:::survmean(km, rmean = 15)$matrix
put("km.rmst.15", rmst["rmean"], rmst["se(rmean)"])
na <- summary(survfit(Surv(stop, event) ~ 1, d, stype = 2, ctype = 1), times = times, extend = TRUE)
put("na.hazard", na$cumhaz)
put("na.se", na$std.chaz)

test <- function(name, fit) put(name, fit$chisq)
test("logrank", survdiff(Surv(stop, event) ~ group, d))
test("logrank.strata", survdiff(Surv(stop, event) ~ group + strata(stratum), d))
test("logrank.rho", survdiff(Surv(stop, event) ~ group, d, rho = 1))
g <- survdiff(Surv(stop, event) ~ group, d)
put("logrank.observed", g$obs)
put("logrank.expected", g$exp)

cox <- function(name, ...) {
  call <- as.call(c(as.name("coxph"), as.list(substitute(list(...)))[-1], quote(coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 40))))
  names(call)[length(call)] <- "control"
  f <- eval(call, globalenv())
  put(paste0(name, ".coef"), coef(f))
  put(paste0(name, ".se"), sqrt(diag(if (is.null(f$naive.var)) f$var else f$naive.var)))
  put(paste0(name, ".robust"), if (is.null(f$naive.var)) NULL else sqrt(diag(f$var)))
  put(paste0(name, ".loglik"), f$loglik)
  put(paste0(name, ".score"), f$score)
  put(paste0(name, ".concordance"), concordance(f)$concordance)
  put(paste0(name, ".zph"), cox.zph(f, terms = FALSE)$table[, "chisq"])
  invisible(f)
}
residual <- function(name, f) {
  put(paste0(name, ".schoenfeld"), t(residuals(f, type = "schoenfeld")))
  put(paste0(name, ".schoenfeld.scaled"), t(residuals(f, type = "scaledsch")))
}
f <- cox("cox.efron", Surv(stop, event) ~ x + y + z, d)
b <- basehaz(f, centered = TRUE)
put("cox.efron.basehaz", approx(b$time, b$hazard, times, method = "constant", rule = 2)$y)
put("cox.efron.means", f$means)
s <- summary(survfit(f, newdata = data.frame(x = 0.5, y = 1, z = 18)), times = times, extend = TRUE)
put("cox.efron.predict", s$surv)
residual("cox.efron", f)
for (k in c("identity", "log", "rank", "km")) {
  zph <- cox.zph(f, transform = k, terms = FALSE)$table
  put(paste0("cox.efron.zph.", k), zph[, "chisq"])
}
cox("cox.breslow", Surv(stop, event) ~ x + y + z, d, ties = "breslow")
cox("cox.weights", Surv(stop, event) ~ x + y + z, d, weights = weight, cluster = id)
cox("cox.weights.breslow", Surv(stop, event) ~ x + y + z, d, weights = weight, cluster = id, ties = "breslow")
cox("cox.strata", Surv(stop, event) ~ x + y + z + strata(stratum), d, cluster = id)
cox("cox.entry", Surv(start, stop, event) ~ x + y + z, d, cluster = id)
cox("cox.entry.breslow", Surv(start, stop, event) ~ x + y + z, d, cluster = id, ties = "breslow")
cox("cox.cluster", Surv(stop, event) ~ x + y + z, d, cluster = cluster)
f <- cox("cox.all", Surv(start, stop, event) ~ x + y + z + strata(stratum), d, cluster = cluster, weights = weight)
b <- basehaz(f, centered = TRUE)
residual("cox.all", f)
b <- b[b$strata == "stratum=1", ]
put("cox.all.basehaz.1", approx(b$time, b$hazard, times, method = "constant", rule = 2)$y)
cox("cox.offset", Surv(stop, event) ~ x + y + offset(z / 10), d)

w <- survreg(Surv(stop, event) ~ x + y + z, d, control = survreg.control(rel.tolerance = 1e-14, maxiter = 100))
put("weibull.coef", coef(w))
put("weibull.scale", w$scale)
put("weibull.se", sqrt(diag(w$var)))
put("weibull.loglik", w$loglik)
w <- survreg(Surv(stop, event) ~ x + y + z, d, weights = weight, control = survreg.control(rel.tolerance = 1e-14, maxiter = 100))
put("weibull.weights.coef", coef(w), w$scale)

aj <- summary(survfit(Surv(stop, factor(cause, 0:2)) ~ 1, d), times = times, extend = TRUE)
put("aj.1", aj$pstate[, 2])
put("aj.2", aj$pstate[, 3])
score <- d$x - 0.5 * d$y
put("concordance", concordance(Surv(stop, event) ~ score, d, reverse = TRUE)$concordance,
    concordance(Surv(stop, event) ~ score, d, reverse = TRUE)$count)
put("concordance.uno", concordance(Surv(stop, event) ~ score, d, reverse = TRUE, timewt = "n/G2", ymax = 18)$concordance)
put("concordance.weights", concordance(Surv(stop, event) ~ score, d, reverse = TRUE, weights = weight)$concordance)
writeLines(c("name,values", unlist(out)), "survival.csv")
