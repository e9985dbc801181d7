"""What teams use, over all clusters: facts as rows here, series in an engine of its own."""
