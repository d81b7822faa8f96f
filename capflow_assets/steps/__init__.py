"""What happens at each layer for one customer: plain functions that Dagster, the command line and tests call alike."""
