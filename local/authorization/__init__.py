"""What IAM roles may do, enforced: moto compares actions only."""
