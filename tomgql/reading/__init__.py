"""The query compiler: a GraphQL selection becomes one SQL statement that returns finished JSON (DESIGN D3)."""
