"""Several learners of one table, blended and calibrated."""
