"""The teacher: an ensemble as accurate as the time allows, with no limit on latency or size."""
