"""validated/<table>: cleaned, audited, published."""
