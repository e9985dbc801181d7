"""The platform under both: the door to clusters, the faces, the settings."""

__version__ = "0.1.0"
