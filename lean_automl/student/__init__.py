"""Students: one file for each family, with its search space."""
