"""Kinds of destination of shares that come with tomgql."""
