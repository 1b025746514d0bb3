"""Migrations of the database schema, applied in order by `tomgql migrate`."""
