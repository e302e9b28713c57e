"""The whole job: from a table to a folder of measured files."""
