"""What the judge of lab 07 is made of; `checks.py` sees it through the fixtures only."""
