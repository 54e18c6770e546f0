"""One class for each resource; only these run SQL. A method is a use case and one transaction."""
