"""Attacks on the jail and on the judge, cheats on labs, and the table that says what held."""
