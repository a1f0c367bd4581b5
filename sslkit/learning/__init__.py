"""Learning: encoders, and the one loop that trains any objective on any images."""
