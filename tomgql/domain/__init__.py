"""Pure values and rules of astronomy: no database, no HTTP, no users."""
