"""Runs: recipes, done once each, their records kept and found again."""
