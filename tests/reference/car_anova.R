# Reference values of sums of squares and F of area by the package car (adjusted) and by R itself (sequential).
#
#     Rscript car_anova.R        writes car_anova_*.tsv beside this script
#
# Debian: r-cran-car. Every design is unbalanced, and has donors with samples in one region only. Types II and III of
# car are one and the same here (no interaction, sum contrasts), which the script checks.
suppressMessages(library(car))
options(contrasts = c("contr.sum", "contr.poly"))
here <- dirname(normalizePath(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))))
test_gene <- function(value, area, donor) {
  model <- lm(value ~ area + donor)
  adjusted <- Anova(model, type = 2)
  stopifnot(isTRUE(all.equal(adjusted["area", "F value"], Anova(model, type = 3)["area", "F value"])))
  sequential <- anova(model)
  c(ss_adjusted = adjusted["area", "Sum Sq"], f_adjusted = adjusted["area", "F value"],
    p_adjusted = adjusted["area", "Pr(>F)"], ss_sequential = sequential["area", "Sum Sq"],
    f_sequential = sequential["area", "F value"], p_sequential = sequential["area", "Pr(>F)"],
    ss_resid = adjusted["Residuals", "Sum Sq"], df_resid = adjusted["Residuals", "Df"])
}
write_case <- function(name, n_one, n_two) {
  donor <- factor(rep(seq_along(n_one), n_one + n_two))
  area <- factor(unlist(Map(function(one, two) rep(c("one", "two"), c(one, two)), n_one, n_two)))
  values <- matrix(rnorm(6 * length(area)), 6) + matrix(rnorm(6 * length(n_one)), 6)[, donor]
  values <- round(values + outer(c(1.5, 0.8, 0.3, 0, 0, 0), area == "one"), 3)
  table <- data.frame(values, t(apply(values, 1, test_gene, area = area, donor = donor)))
  names(table)[seq_along(area)] <- sprintf("donor%s_%s", donor, area)
  path <- file.path(here, sprintf("car_anova_%s.tsv", name))
  writeLines(sprintf("# car %s, %s", packageVersion("car"), R.version.string), path)
  suppressWarnings(write.table(format(table, digits = 15), path, append = TRUE, sep = "\t", quote = FALSE,
                               row.names = FALSE))
}
set.seed(20182)
write_case("six_donors", c(7, 0, 2, 5, 0, 2), c(3, 1, 1, 4, 3, 0))
write_case("four_donors", c(1, 6, 3, 2), c(7, 2, 0, 5))
write_case("three_donors", c(4, 0, 2), c(1, 2, 9))
