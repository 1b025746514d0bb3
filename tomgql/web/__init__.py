"""HTTP beside and around GraphQL: sign-in, files, health, the GraphQL endpoint itself."""
