"""Processors that ship with tomgql."""
