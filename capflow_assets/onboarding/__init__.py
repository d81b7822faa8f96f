"""On-boarding: from a look at a retailer's data to a proposed customer file, with the reason of every proposal."""
