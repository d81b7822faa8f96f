"""One customer's run: what exists, in which order, behind which gate, and what need not be made again."""
