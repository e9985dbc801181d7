"""The plan behind a request: asked of its cluster, shown to people, bound to their decision."""
