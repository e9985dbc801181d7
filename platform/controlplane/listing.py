"""A folder whose files are kinds of one thing: to add a kind is to add a file."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def kinds_in(package: ModuleType) -> dict[str, Any]:
    """Every module of the package by what it calls its KIND, in the order of their files."""
    found = (
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    )
    return {module.KIND: module for module in found}
