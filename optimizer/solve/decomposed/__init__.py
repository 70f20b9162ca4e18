"""The decomposed path: prices on what binds many customers, a diagram for what binds one (DESIGN §5)."""
