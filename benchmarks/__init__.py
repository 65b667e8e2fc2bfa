"""Measurements, each runnable as a module from the repository's root. Figures, not tests: nothing fails here."""
