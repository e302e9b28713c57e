"""The report of a run for people: one HTML page without parts elsewhere, and a model card."""
