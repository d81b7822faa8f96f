"""validated/<table>: canonical tables, cleaned, audited and published."""
