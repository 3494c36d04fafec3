"""``python -m kraken_core`` is the command line."""

from kraken_core.cli import main

if __name__ == "__main__":
    main()
