"""Survey services that come with tomgql."""
