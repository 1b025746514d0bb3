"""tomgql: an async GraphQL server for the data of Target and Observation Managers (TOMs)."""

__version__ = "0.1.0"
