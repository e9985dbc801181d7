"""The webhook: a process of its own that answers API servers out of a sealed bundle on disk.

No Django, no database, no network call while it answers.
"""
