"""Kinesis streams that take their time, keep their records in order, and may have channels."""
