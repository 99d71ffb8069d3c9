"""GitHub Actions without GitHub: workflows read as data, and run by `act` in the jail on repositories that a judge makes."""
