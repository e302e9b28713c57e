"""AutoML for models that must ship: latency and size are hard constraints, kept or refused."""

__version__ = "0.1.0"
