# Reference values of moderated variances by limma (fitFDist, squeezeVar; Smyth 2004).
#
#     Rscript limma_moderation.R        writes limma_moderation.tsv beside this script
#
# Debian: r-bioc-limma. One row per case: degrees of freedom, limma's scale and prior degrees of freedom, then variances
# and what they are squeezed to. Cases whose prior has infinitely many degrees of freedom are left out: there limma
# takes another scale.
suppressMessages(library(limma))
here <- dirname(normalizePath(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))))
set.seed(2004)
rows <- list()
for (df in c(1, 2, 4, 18, 60)) for (prior in c(1.5, 5, 40)) {
  variances <- signif(0.7 * prior / rchisq(40, prior) * rchisq(40, df) / df, 10)
  fit <- fitFDist(variances, df)
  if (!is.finite(fit$df2)) next
  squeezed <- squeezeVar(variances, df)
  stopifnot(isTRUE(all.equal(squeezed$var.prior, fit$scale)), isTRUE(all.equal(squeezed$df.prior, fit$df2)))
  rows[[length(rows) + 1]] <- c(df, fit$scale, fit$df2, variances, squeezed$var.post)
}
table <- do.call(rbind, rows)
colnames(table) <- c("df", "scale", "df_prior", paste0("variance_", 1:40), paste0("squeezed_", 1:40))
path <- file.path(here, "limma_moderation.tsv")
writeLines(sprintf("# limma %s, %s", packageVersion("limma"), R.version.string), path)
suppressWarnings(write.table(format(table, digits = 15), path, append = TRUE, sep = "\t", quote = FALSE,
                             row.names = FALSE))
