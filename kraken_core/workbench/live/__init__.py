"""Keeping a history current as trades happen."""
