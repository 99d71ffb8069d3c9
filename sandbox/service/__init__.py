"""The model service of the course's running example: will this flight arrive more than 15 minutes late?

Data, training, publishing, serving. Nothing here knows of the course: it is the code that a learner could find at work.
"""
