"""`python -m controlplane.cli`: the command without its script."""

from controlplane.cli.main import app

if __name__ == "__main__":
    app()
