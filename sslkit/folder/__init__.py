"""A reader's own images: what they are, what to run on them, and what it says."""
