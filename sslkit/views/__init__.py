"""Views: random changes of a batch on its device, every image its own way."""
