"""Member clusters: registry, credentials, base release, health."""
