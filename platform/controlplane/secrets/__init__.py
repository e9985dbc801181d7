"""A team's secrets: sealed here, delivered to its namespaces and to nothing else, and never read back."""
