"""The door: the only package that talks to Kubernetes and Helm."""
