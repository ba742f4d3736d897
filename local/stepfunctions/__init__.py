"""Step Functions whose tasks use the role, the names and the errors of AWS."""
