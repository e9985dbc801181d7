"""Trying a secret where it is used: from here, briefly, and without telling anybody what is in it.

Who fills in a form chooses whom we call, so it is looked at whom that is (`reaching`), no answer is
passed on, and a redirect is followed nowhere.
"""
