"""The book's figures, still and interactive; nothing is trained or computed here."""
