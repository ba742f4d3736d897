"""S3 buckets whose events reach functions, queues, topics and EventBridge."""
