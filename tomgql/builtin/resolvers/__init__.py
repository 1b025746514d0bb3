"""Name resolvers that come with tomgql."""
