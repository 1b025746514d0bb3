"""Real TOM Toolkits share with us, and we with them: `python -m tests.peers`."""
