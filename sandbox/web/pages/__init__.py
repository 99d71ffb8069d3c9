"""The generated parts of the course site: lab headers, the map of labs, the command reference, diagrams.

Everything here is a plain function from the course's own sources to text; :mod:`sandbox.web.pages.hooks` is the only
place that knows MkDocs.
"""
