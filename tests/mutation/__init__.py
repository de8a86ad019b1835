"""Mutation testing: `make mutate` breaks tokens/, guard/ and http/ in thousands of small ways, and asks whether a test notices."""
