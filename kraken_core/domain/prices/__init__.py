"""Checks on values: whether stored prices and volumes are plausible, by themselves and beside other series."""
