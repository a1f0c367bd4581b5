"""The study: grids of recipes, tables of records, every number that a page states."""
