"""Training, with Lightning underneath: `fit.train` runs an experiment file; the rest are its parts."""
