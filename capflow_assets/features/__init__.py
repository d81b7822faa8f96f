"""features/<set>: what is known of each shopper, item or pair as of a date."""
