"""What other tomgql servers give: taken over by version, so that every road and every order leads to the same state."""
