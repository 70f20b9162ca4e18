"""Random tiny scenarios over every rule, and what must hold of each: the engine against the brute force."""
