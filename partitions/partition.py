"""The one partition of every asset: the customer."""

import dagster as dg

customers = dg.DynamicPartitionsDefinition(name="customers")
