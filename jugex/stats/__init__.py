"""The statistics of a comparison, on arrays alone: no atlas, no region, no file."""
