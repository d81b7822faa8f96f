"""Feature selection and tuning on folds of the past."""
