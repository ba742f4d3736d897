"""Lambda functions that run, in AWS's own runtime interface emulator."""
