"""The CloudTrail record of every call, as an event and in LookupEvents."""
