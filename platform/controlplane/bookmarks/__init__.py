"""Views that a person keeps: a name for an address of the console."""
