"""Tables, migrations, SQL fragments and transactions; no permissions, no science, no transport."""
