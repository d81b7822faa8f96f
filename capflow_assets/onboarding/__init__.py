"""On-boarding: look at a retailer's data and propose a customer file, with the reason of every proposal."""
