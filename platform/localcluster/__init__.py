"""Real Kubernetes clusters on one machine, as plain processes: for demo, tests and benches."""
