"""The verbs that change things: one file a noun. Each verb is one transaction and returns keys for reading back."""
