"""How does CEL read the name of an image? Variables that take a list of texts apart, step by step.

Each step is a list beside the texts, so that a value is worked out once: CEL has no local names.
"""

from controlplane.policies.references import HUB, LONGEST_PATH, LONGEST_REGISTRY

from . import cel, grammar
from .cel import quoted as q

Variable = dict[str, str]


def variable(name: str, expression: str) -> Variable:
    return {"name": name, "expression": expression}


def taken_apart(texts: str) -> list[Variable]:
    """Variables up to `parts`: for each text a list of what it is made of.

    `variables.parts` holds [text, registry, its one spelling, registry/repository, tag, algorithm]
    for every one of `texts` (a CEL list of strings) that names an image; `variables.pieces` and
    `variables.split` are on the way.
    """
    hub = "'docker.io/' + (i.contains('/') ? i : 'library/' + i)"
    hosted = f"i.matches({q(grammar.HOSTED)})"
    return [
        variable("whole", f"{texts}.map(i, [i, {hosted} ? i : {hub}])"),
        variable(
            "pieces",
            "variables.whole.map(w, [w[0], w[1].substring(0, w[1].indexOf('/'))] + "
            "w[1].substring(w[1].indexOf('/') + 1).split('@'))",
        ),
        # [text, registry, path, perhaps a tag], and the digest, if any, is looked up again.
        variable("named", f"variables.pieces.filter(p, {_registry_and_digest()})"),
        variable(
            "split",
            f"variables.named.map(p, [p[0], {_legacy('p[1]')}, p.size() > 3 ? p[3] : ''] + p[2].split(':'))"
            f".filter(p, {_path_and_tag()})",
        ),
        variable("parts", f"variables.split.map(p, {_parts()})"),
    ]


def taken(text: str) -> str:
    """Whether the runtime takes a text that we could not take apart: we may be stricter."""
    return f"{text}.matches({q(grammar.TAKEN)}) && !{text}.matches({q(grammar.IMAGE_ID)})"


def at_the_hub(part: str) -> str:
    """The name that this repository of another registry would have on Docker Hub."""
    path = f"{part}[3].substring({part}[2].size() + 1)"
    return f"({q(f'{HUB}/')} + ({path}.contains('/') ? {path} : 'library/' + {path}))"


def _registry_and_digest() -> str:
    return cel.all_of((
        "p.size() <= 4",
        f"p[1].size() <= {LONGEST_REGISTRY}",
        f"p[1].matches({q(grammar.HOST)})",
        # An address that has no one spelling is not compared with anything.
        "!p[1].startsWith('[') || isIP(p[1].substring(1, p[1].indexOf(']')))",
        f"p.size() == 3 || p[3].matches({q(grammar.DIGEST)})",
        # Both are ids under which a node keeps an image: it would run whatever that is.
        f"p[0].contains('/') || !p[0].matches({q(grammar.IMAGE_ID)})",
        f"!p[0].startsWith('sha') || !p[0].matches({q(grammar.DIGEST)})",
    ))  # fmt: skip


def _path_and_tag() -> str:
    return cel.all_of((
        "p.size() <= 5",
        f"p[3].matches({q(grammar.PATH)})",
        f"p[3].size() <= {LONGEST_PATH}",
        f"p.size() == 4 || p[4].matches({q(grammar.TAG)})",
    ))  # fmt: skip


def _legacy(registry: str) -> str:
    return f"({registry} == 'index.docker.io' ? 'docker.io' : {registry})"


def _parts() -> str:
    one = _one_spelling("p[1]")
    library = f"({one} == 'docker.io' && !p[3].contains('/') ? 'library/' : '')"
    tag = "p.size() > 4 ? p[4] : ''"
    algorithm = "p[2] == '' ? '' : p[2].split(':')[0]"
    return f"[p[0], p[1], {one}, {one} + '/' + {library} + p[3], {tag}, {algorithm}]"


def _one_spelling(registry: str) -> str:
    """The registry in lower case, without a port that goes without saying."""
    plain = f"{registry}.matches({q(grammar.PLAIN_HOST)})"
    low = f"{registry}.lowerAscii()"
    port = f"{low}.find({q(grammar.PORT)})"
    host = f"{low}.substring(0, {registry}.size() - {port}.size())"
    number = f"{port}.find({q(grammar.SIGNIFICANT)})"
    address = f"'[' + string(ip({registry}.substring(1, {registry}.indexOf(']')))) + ']'"
    host = f"({registry}.startsWith('[') ? {address} : {_legacy(host)})"
    bare = f"{number} in ['', '443']"
    named = f"({bare} ? {host} : {low}.substring(0, {registry}.size() - {port}.size()) + ':' + {number})"
    ported = f"({registry}.startsWith('[') ? ({bare} ? {host} : {host} + ':' + {number}) : {named})"
    return f"({plain} ? {registry} : {ported})"
