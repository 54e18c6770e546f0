"""One class per noun, the only callers of SQL. A method is a use case and one transaction."""
