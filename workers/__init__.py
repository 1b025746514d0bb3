"""The worker process: arq runs here, and every job's outcome is decided here."""
