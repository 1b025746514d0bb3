"""Real TOM Toolkits that share with us: `python -m tests.peers`."""
