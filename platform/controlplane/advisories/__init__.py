"""What is known to be wrong with versions of Argo Workflows: a table as data, and the question put to it."""
