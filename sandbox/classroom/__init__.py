"""Grading a class: ``intake`` finds who submitted what, ``unpack`` opens archives without trusting them."""
