"""``python -m huasheng.cli``."""

from huasheng.cli.entry import main

if __name__ == "__main__":
    main()
