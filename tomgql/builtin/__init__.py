"""tomgql's own extensions, reached only by entry point."""
