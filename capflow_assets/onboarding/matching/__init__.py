"""Match source columns to canonical columns and source tables to canonical tables, by their names and values."""
