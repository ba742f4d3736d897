"""One pure module a guard: no boto3, no clock, no environment. State goes in, a judgement comes out."""
