"""``python -m tomgql`` does what ``tomgql`` does."""

from tomgql.cli import main

if __name__ == "__main__":
    main()
