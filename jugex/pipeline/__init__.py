"""From a query to the data of a result: genes, covariates, the test, and what is computed from a result afterwards."""
