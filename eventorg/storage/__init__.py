"""The SQLite file: connections, transactions, named statements, migrations. It knows no resource except the change
log."""
