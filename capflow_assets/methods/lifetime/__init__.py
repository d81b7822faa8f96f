"""How often shoppers come and what they spend: BG/NBD, Gamma-Gamma."""
