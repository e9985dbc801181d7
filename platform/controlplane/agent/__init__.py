"""The agent of one cluster: brings the platform's decisions there, and what was seen there back.

No Django, no database: what it has to remember are files, and each of them may be lost.
"""
