"""Searching: metrics, the clock, trials under constraints."""
