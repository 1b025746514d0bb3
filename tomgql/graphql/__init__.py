"""The GraphQL transport: the only package that knows strawberry."""
