"""Visits and spend over a customer lifetime: BG/NBD and Gamma-Gamma."""
