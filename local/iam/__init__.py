"""IAM's policy simulator, by the evaluation that the account itself uses."""
