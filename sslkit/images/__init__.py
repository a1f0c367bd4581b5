"""Images: sets of them by source, read from files, divided into label budgets."""
