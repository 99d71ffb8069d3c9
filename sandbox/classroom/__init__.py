"""Grading a class.

``intake`` and ``repositories`` find who submitted what, ``unpack`` opens archives without trusting them; ``grade`` sends
``work`` to ``executors`` and keeps each result in a ``store``; ``roster``, ``policy`` and ``marks`` turn results into marks;
``publish`` writes them out. ``command`` is what the ``lab`` command calls.
"""
