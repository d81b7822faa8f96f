"""Alembic's entry: runs the migrations inside the transaction that capflow_resources.registry.migrate has opened."""

from alembic import context

from capflow_resources.registry.tables import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables().metadata)
context.run_migrations()
