"""A small model service: will this flight arrive late?"""
