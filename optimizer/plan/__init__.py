"""The plan: its tables, its certificate, and how it is written and read back."""
