"""Adapters of the learning libraries."""
