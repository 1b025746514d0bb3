"""Who may do what: principals, predicates in SQL, and the guard that asks them."""
