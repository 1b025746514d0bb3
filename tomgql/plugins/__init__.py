"""Contracts and registry of extensions; tomgql's own extensions use the same doors as anybody's."""
