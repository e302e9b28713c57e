"""From fitted models to Programs."""
