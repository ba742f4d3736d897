"""Commands for people: `python -m cli`."""
