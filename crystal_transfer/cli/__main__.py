"""The same command as ``python -m crystal_transfer.cli``."""

from crystal_transfer.cli import main

if __name__ == "__main__":
    main()
