"""The course kit *DevOps for ML*: labs that are graded by breaking things."""

__version__ = "0.1.0"
