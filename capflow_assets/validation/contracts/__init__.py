"""What models ask of a customer's data beyond its sales, measured once: descriptions, campaigns, media, reviews."""
