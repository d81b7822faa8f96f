"""Databases: PostgreSQL, MySQL, SQLite, DuckDB, and any other that Ibis or ADBC reaches."""
