"""Asset checks: what must hold of every table, derived from its TableSpec."""
