"""Judging: what an encoder is worth with few labels."""
