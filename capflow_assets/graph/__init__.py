"""The only package here that knows Dagster: what it shows, what it runs, what it watches."""
