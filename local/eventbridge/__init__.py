"""EventBridge rules that reach their targets, with retries and dead letters."""
