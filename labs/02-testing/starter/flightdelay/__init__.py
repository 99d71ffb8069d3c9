"""Features and a small service for one question: will this flight arrive late?"""
