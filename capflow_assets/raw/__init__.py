"""raw/<table>: the customer's source under canonical column names."""
