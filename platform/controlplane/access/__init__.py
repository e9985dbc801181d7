"""People in clusters: an account of their own in each, bound by their level, and credentials that end."""
