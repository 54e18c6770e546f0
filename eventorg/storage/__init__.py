"""The SQLite file: connections, transactions, named statements, migrations. No noun of the domain but the change."""
