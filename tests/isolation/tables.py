"""All the rules there are."""

from . import of_the_api, of_the_console, of_the_desk
from .rules import Rule

RULES: dict[str, Rule] = {**of_the_api.RULES, **of_the_console.RULES, **of_the_desk.RULES}
