# Reference values of maxT by Bioconductor's multtest, over all relabellings.
#
#     Rscript multtest.R        writes multtest_*.tsv beside this script
#
# Debian: r-bioc-multtest. Raw and step-down adjusted p-values are mt.maxT's; the single-step ones are taken from the
# statistics of all of multtest's own relabellings.
suppressMessages(library(multtest))
here <- dirname(normalizePath(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))))
write_case <- function(name, values, labels, blocks, test) {
  result <- mt.maxT(values, labels, test = test, side = "abs", B = 0)
  result <- result[order(result$index), ]
  relabelled <- mt.sample.label(labels, test = test, B = 0)
  statistics <- sapply(seq_len(nrow(relabelled)), function(i) mt.teststat(values, relabelled[i, ], test = test))
  maxima <- apply(statistics, 2, max)
  single <- sapply(result$teststat, function(f) mean(maxima >= f * (1 - 1e-9)))
  table <- data.frame(values, f = result$teststat, p_perm = result$rawp, p_fwe = single, p_fwe_stepdown = result$adjp)
  names(table)[seq_along(labels)] <- sprintf("donor%d_%s", blocks, ifelse(labels == 1, "one", "two"))
  header <- sprintf("# multtest %s, %s, test = %s, %d relabellings", packageVersion("multtest"), R.version.string, test,
                    nrow(relabelled))
  path <- file.path(here, sprintf("multtest_%s.tsv", name))
  writeLines(header, path)
  suppressWarnings(write.table(format(table, digits = 12), path, append = TRUE, sep = "\t", quote = FALSE,
                               row.names = FALSE))
}
set.seed(20181)
labels <- c(1, 1, 1, 1, 0, 0, 0, 0, 0)
values <- matrix(round(rnorm(12 * 9), 3), 12) + outer(c(3, 2, 1.5, 1, 0.7, rep(0, 7)), labels)
write_case("one_donor", values, labels, rep(1, 9), "f")
labels <- rep(c(1, 0), 7)
values <- matrix(round(rnorm(12 * 14), 3), 12) + outer(c(2, 1.5, 1, 0.7, rep(0, 8)), labels)
write_case("seven_blocks", values, labels, rep(1:7, each = 2), "blockf")
