# Reference values of empirical variograms by gstat (Matheron's estimator).
#
#     Rscript gstat_variogram.R        writes gstat_samples.tsv and gstat_variogram.tsv beside this script
#
# Debian: r-cran-gstat. Samples of three donors in a box; semivariances of each donor's own pairs, and of all pairs.
suppressMessages({library(gstat); library(sp)})
here <- dirname(normalizePath(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))))
set.seed(1963)
n <- c(50, 40, 45)
samples <- data.frame(donor = rep(seq_along(n), n), round(matrix(runif(3 * sum(n), 0, 60), ncol = 3), 2))
names(samples) <- c("donor", "x", "y", "z")
samples$value <- round(rnorm(sum(n)) + sin(samples$x / 10), 3)
edges <- c(4, 8, 12, 16, 20, 25, 30, 40, 50, 65, 80, 200)
measure <- function(name, chosen) {
  points <- samples[chosen, ]
  coordinates(points) <- ~ x + y + z
  result <- variogram(value ~ 1, points, boundaries = edges)
  data.frame(pairs = name, lo = c(0, edges)[findInterval(result$dist, edges) + 1], result[c("np", "dist", "gamma")])
}
table <- do.call(rbind, c(lapply(unique(samples$donor), function(d) measure(d, samples$donor == d)),
                          list(measure(0, TRUE))))
for (name in c("samples", "variogram")) {
  path <- file.path(here, sprintf("gstat_%s.tsv", name))
  writeLines(sprintf("# gstat %s, %s", packageVersion("gstat"), R.version.string), path)
  suppressWarnings(write.table(format(list(samples = samples, variogram = table)[[name]], digits = 15), path,
                               append = TRUE, sep = "\t", quote = FALSE, row.names = FALSE))
}
