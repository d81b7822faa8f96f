"""What models need of a customer's data: measured once per report, and compared with each model's Needs."""
