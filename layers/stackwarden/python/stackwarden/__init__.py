"""What every Stackwarden guard shares: events, findings, policies, reports."""
