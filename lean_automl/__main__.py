"""`python -m lean_automl`."""

from lean_automl.cli.main import run

if __name__ == "__main__":
    run()
