"""Delivery streams that deliver: from a Kinesis stream to a bucket, buffered, under their role."""
