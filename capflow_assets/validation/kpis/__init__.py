"""The KPIs of a customer and the rows to blame for them."""
