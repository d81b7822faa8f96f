"""Judge every row of a table by its rules."""
