"""CloudFormation as AWS runs it: operations step by step, with events and ways back."""
