"""What decides inside the API server? ValidatingAdmissionPolicies and their bindings.

They hold with the webhook away: whatever they cannot work out is denied. What they pass although
only the webhook can judge it (exemptions, signatures, Argo's patches) `routing` sends there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

from controlplane.objects import fingerprint
from controlplane.policies.extraction import MOST_FOUND
from controlplane.policies.references import OTHER_HUBS
from controlplane.policies.sentences import ASK
from controlplane.policies.verdict import Code

from . import cel, images, quick, reading
from .cel import quoted as q
from .reading import Variable, variable
from .rule_sets import Flag, RuleSet
from .shapes import SHAPES, TEAM_LABEL, Shape, held, selector, unchanged
from .tables import FIELDS, NOBODY, Table, table

API = "admissionregistration.k8s.io/v1"
PREFIX = "argosy-images"
LABELS = {"argosy.dev/managed": "true", "argosy.dev/part": "image-policy"}
MOST_LINES = 3  # with every image as long as can be, and none of its letters ASCII: 4 KiB
LONGEST_IMAGE = 200
LONGEST_REASON = 300
LONGEST_NAME = 63
LONGEST_LINK = 500
PRINTED = r"^[^\x00-\x1f\x7f-\x9f]"
TOO_MANY = (
    "The image policy denies this. It names so many images that may not run that they are not listed "
    "here; try it with fewer of them."
)

Manifest = dict[str, Any]


def policies(rule_sets: Mapping[str, RuleSet], *, link: str = "") -> list[Manifest]:
    """Every policy with its bindings, in the order to apply them. Raises TooMuch.

    `rule_sets` are by team; `control` and `cluster` are among them. `{namespace}` and `{image}` in
    `link` stand for what was denied.
    """
    rules = table(rule_sets)
    revision = revision_of(rule_sets, link)
    found: list[Manifest] = []
    for shape in SHAPES:
        found.append(_policy(shape, rules, link, revision))
        found += _bindings(shape, rule_sets)
    return found


def revision_of(rule_sets: Mapping[str, RuleSet], link: str = "") -> str:
    """Stands for all the rules; every denial ends with it, so that one can see what is in force."""
    rows = {key: [sorted(v) if isinstance(v, frozenset) else v for v in astuple(rules)]
            for key, rules in rule_sets.items()}  # fmt: skip
    program = [_policy(shape, Table(({},)), link, revision="")["spec"] for shape in SHAPES]
    return fingerprint([rows, program])[:8]


def _policy(shape: Shape, rules: Table, link: str, revision: str) -> Manifest:
    spec: Manifest = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": shape.rules(), **_where(shape)},
        "variables": variables(shape, rules),
        "validations": [
            {
                "expression": "variables.known",
                "reason": "Forbidden",
                "messageExpression": (
                    "'The image policy denies this. The rules of ' + variables.team + ' are not on "
                    "this cluster yet, and until then nothing may run; they arrive within a minute.' + "
                    f"{q(_stamp(revision))}"
                ),
            },
            {
                "expression": "variables.fine",
                "reason": "Forbidden",
                # The API server works this out for what it lets in too, with every variable anew.
                "messageExpression": (
                    f"variables.fine ? '' : {_message(link)} + {q(_stamp(revision))}"
                ),
                # Where so much is wrong that the sentence itself is too dear.
                "message": f"{TOO_MANY}{_stamp(revision)}",
            },
        ],
    }
    if shape.judged_fields:
        spec["matchConditions"] = [
            {"name": "changes-what-runs", "expression": f"!({unchanged(shape)})"}
        ]
    return _object("ValidatingAdmissionPolicy", f"{PREFIX}-{shape.name}", spec)


def _stamp(revision: str) -> str:
    return f" (rules {revision})"


def said_by(message: str, revision: str) -> bool:
    """Whether this is a denial by the rules of this revision."""
    return f"'{PREFIX}-" in message and message.rstrip().endswith(_stamp(revision).strip())


def _where(shape: Shape) -> Manifest:
    return {"namespaceSelector": selector()} if shape.namespaced else {}


def _bindings(shape: Shape, rule_sets: Mapping[str, RuleSet]) -> list[Manifest]:
    """Teams in audit are only told; everybody else, known or not, is bound."""
    told = sorted(team for team, rules in rule_sets.items() if _only_told(rules, shape))
    name = f"{PREFIX}-{shape.name}"
    if not shape.namespaced:
        audit = any(
            _only_told(rules, shape) for key, rules in rule_sets.items() if key == "cluster"
        )
        actions = ["Warn", "Audit"] if audit else ["Deny", "Audit"]
        return [_binding(name, name, actions)]
    # A team that is in both for a moment is denied: nobody slips through between two writes.
    return [
        _binding(name, name, ["Deny", "Audit"], _teams("NotIn", told)),
        _binding(f"{name}-audit", name, ["Warn", "Audit"], _teams("In", told)),
    ]


def _only_told(rules: RuleSet, shape: Shape) -> bool:
    return rules.audit or (rules.controllers_warn and not shape.kind.is_pod)


def _teams(operator: str, teams: list[str]) -> Manifest:
    wanted: list[Manifest] = [{"key": TEAM_LABEL, "operator": "Exists"}]
    if teams:
        wanted.append({"key": TEAM_LABEL, "operator": operator, "values": teams})
    elif operator == "In":
        wanted.append({"key": TEAM_LABEL, "operator": "DoesNotExist"})  # nobody
    return {"namespaceSelector": {"matchExpressions": wanted}}


def _binding(name: str, policy: str, actions: list[str], where: Manifest | None = None) -> Manifest:
    spec: Manifest = {"policyName": policy, "validationActions": actions}
    if where:
        spec["matchResources"] = where
    return _object("ValidatingAdmissionPolicyBinding", name, spec)


def _object(kind: str, name: str, spec: Manifest) -> Manifest:
    metadata = {"name": name, "labels": dict(LABELS)}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}


def variables(shape: Shape, rules: Table) -> list[Variable]:
    """All that is worked out, each when it is first asked for."""
    found = images.chunks(shape.kind.fields, "object", images.IMAGES)
    before = images.chunks(shape.kind.fields, "oldObject", images.IMAGES)
    return [
        variable("team", shape.team()),
        *rules.variables(),
        variable("row", f"{rules.lookup('variables.team', q(''))}.split('\\t')"),
        variable("known", f"variables.row.size() == {len(FIELDS)}"),
        *_fields(rules),
        *(variable(f"found{n}", expression) for n, expression in enumerate(found)),
        *(variable(f"before{n}", expression) for n, expression in enumerate(before)),
        variable("found", _all("found", len(found))),
        *(
            quick.variables_of_pods(rules, _flag(Flag.GLANCE))
            if shape.kind.is_pod
            else quick.variables(rules, "variables.found", _flag(Flag.GLANCE))
        ),
        variable("anew", f"oldObject == null || {_flag(Flag.AGAIN)}"),
        variable("many", _many(shape)),
        variable("judged", _judged(shape, len(found))),
        variable("images", _images("variables.judged")),
        variable("before", _before(shape, len(before))),
        variable(
            "fresh",
            "variables.images.filter(i, !(i in variables.before) && !(i in variables.exempt))",
        ),
        variable("texts", f"variables.fresh.filter(i, i.trim() != ''{_written_out(shape)})"),
        *reading.taken_apart("variables.texts"),
        variable("read", "variables.parts.map(p, p[0])"),
        # `in` compares no texts as CEL counts it; four hundred against four hundred would be too dear.
        variable("unread", "variables.texts.filter(i, !(i in variables.read))"),
        variable("unparsable", _unparsable(shape)),
        variable("wrong", f"variables.parts.filter(p, {cel.any_of(c for c, _, _ in _RULES)})"),
        variable("passed", _passed(shape)),
        variable(
            "fine",
            "variables.quick || "
            + cel.all_of((
                "!variables.many",
                f"{_flag(Flag.BLANK)} || variables.fresh.all(i, i.trim() != '')",
                *_templated_fine(shape),
                "variables.parts.size() == variables.texts.size() || variables.unparsable.size() == 0",
                "variables.wrong.size() == 0",
            ))
            + " || variables.passed",
        ),
        variable("lines", _lines(shape)),
    ]  # fmt: skip


def _many(shape: Shape) -> str:
    """More than the library reads; an update that left it all as it was is forgiven."""
    many = f"variables.found.size() > {MOST_FOUND}"
    if shape.judged_fields:  # such an update does not come here
        return many
    before, now = (
        [held(f"{top}.{f}") for f in shape.kind.fields] for top in ("oldObject", "object")
    )
    same = (f"{old} == {new}" for old, new in zip(before, now, strict=True))
    return f"{many} && (variables.anew || !({cel.all_of(same)}))"


def _judged(shape: Shape, parts: int) -> str:
    """All, but of an updated pod not what stands where it stood, is called and runs the same.

    The API server takes no two of one name in one list, so nothing stands there twice.
    """
    if not shape.kind.is_pod:
        return "variables.found"
    moved = cel.added(
        f"variables.found{n}.filter(e, !(e in variables.before{n}))" for n in range(parts)
    )
    return f"variables.anew ? variables.found : {moved}"


def _before(shape: Shape, parts: int) -> str:
    """Images that were named before; what was too deep to be read only where nothing changed."""
    if shape.kind.is_pod:
        return "[]"
    named = _images(f"({_all('before', parts)})")
    if deep := images.deep(shape.kind.fields, "object"):
        before = images.deep(shape.kind.fields, "oldObject")
        same = cel.all_of(
            f"{held(now)} == {held(then)}" for now, then in zip(deep, before, strict=True)
        )
        named += f".filter(i, i != {q(images.TOO_DEEP)} || ({same}))"
    return f"variables.anew ? [] : {named}"


def _images(entries: str) -> str:
    return f"{entries}.map(e, e.substring(0, e.lastIndexOf('\\t')))"


def _all(name: str, parts: int) -> str:
    return " + ".join(f"variables.{name}{n}" for n in range(parts))


def _fields(rules: Table) -> Iterable[Variable]:
    block = rules.lookup("b", q(f"{NOBODY}\t{NOBODY}"))
    separators = {"flags": " ", "algorithms": " ", "exempt": "\n", "tags": "\n"}
    for number, field in enumerate(FIELDS):
        here = f"variables.row[{number}]"
        if field in separators:
            entries = f"{here}.split({q(separators[field])})"
            if field in {"exempt", "algorithms"}:
                # Only there so that no list is empty; an image may be called so, and people read these.
                entries += f".filter(e, e != {q(NOBODY)})"
            yield variable(field, entries)
        elif field in {"allow", "deny"}:
            pairs = f"{here}.split(' ').map(b, {block}.split('\\t'))"
            yield variable(f"{field}Blocks", pairs)
            yield variable(f"{field}Below", f"variables.{field}Blocks.map(b, b[0].split('\\n'))")
            yield variable(f"{field}Exactly", f"variables.{field}Blocks.map(b, b[1].split('\\n'))")
        else:
            yield variable(field, here)


def _flag(flag: Flag) -> str:
    # No variable of its own: the API server makes every variable ready for each object, used or not.
    return f"({q(flag)} in variables.flags)"


def _in(field: str, name: str = "p[3]") -> str:
    return (
        f"(variables.{field}Exactly.exists(l, {name} in l) || "
        f"variables.{field}Below.exists(l, l.exists(e, {name}.startsWith(e))))"
    )


def _denied() -> str:
    """What is denied is denied through every door to the same house."""
    others = ", ".join(map(q, sorted(OTHER_HUBS)))
    return f"({_in('deny')} || p[2] in [{others}] && {_in('deny', reading.at_the_hub('p'))})"


_MANY = f"it names more than {MOST_FOUND:,} images; make several objects of it [{Code.SHAPE}]"

# [text, registry, its one spelling, registry/repository, tag, algorithm]: when it breaks a rule, and
# what is said then.
_TAG = "(p[4] == '' ? 'latest' : p[4])"
_TAG_COUNTS = f"(p[5] == '' || ({_flag(Flag.TAGS_ALWAYS)} && p[4] != ''))"
_RULES: tuple[tuple[str, str, Code], ...] = (
    (
        f"{_flag(Flag.CANONICAL)} && p[1] != p[2]",
        "'write its registry as ' + p[2]",
        Code.NOT_CANONICAL,
    ),
    (_denied(), "'repository ' + p[3] + ' is denied by the policy'", Code.DENIED),
    (
        f"!{_flag(Flag.OPEN)} && !{_in('allow')}",
        "'repository ' + p[3] + ' is not one this namespace may run'",
        Code.NOT_ALLOWED,
    ),
    (
        f"{_TAG_COUNTS} && {_TAG} in variables.tags",
        f"'tag ' + {_TAG} + ' is forbidden; name a version'",
        Code.TAG,
    ),
    (
        f"variables.form != '' && {_TAG_COUNTS} && !{_TAG}.matches(variables.form)",
        f"'tag ' + {_TAG} + ' does not have the form ' + variables.form",
        Code.TAG,
    ),
    (
        f"{_flag(Flag.PINNED)} && p[5] == ''",
        "'it must be pinned: write its digest after it, @sha256:…'",
        Code.NO_DIGEST,
    ),
    (
        "p[5] != '' && !(p[5] in variables.algorithms)",
        "'its digest is ' + p[5] + '; allowed: ' + variables.algorithms.join(' ')",
        Code.ALGORITHM,
    ),
    (
        _flag(Flag.UNASKED),
        "'its signature cannot be checked while this cluster stands down'",
        Code.SIGNATURE,
    ),
)


def _unparsable(shape: Shape) -> str:
    """What is no name of an image and must be one: unless a policy lets that pass, all of it."""
    # What the runtime does take, only we do not, would be allowed unjudged.
    anyway = [reading.taken("i")]
    if images.deep(shape.kind.fields, "object"):
        anyway.append(f"i == {q(images.TOO_DEEP)}")
    some = f"variables.unread.filter(i, {cel.any_of(anyway)})"
    return f"{_flag(Flag.UNPARSABLE)} ? {some} : variables.unread"


def _written_out(shape: Shape) -> str:
    return " && !i.contains('{{')" if shape.kind.templated else ""


def _templated_fine(shape: Shape) -> Iterable[str]:
    if shape.kind.templated:
        yield f"{_flag(Flag.DEFERRED)} || variables.fresh.all(i, !i.contains('{{{{'))"


def _passed(shape: Shape) -> str:
    """Namespaces out of reach, and what a node runs anyway and only shows."""
    if not shape.kind.is_pod:
        return _flag(Flag.NOTHING)
    mirror = cel.all_of((
        _flag(Flag.MIRROR),
        "request.operation == 'CREATE' && request.?subResource.orValue('') == ''",
        "object.metadata.?annotations[?'kubernetes.io/config.mirror'].orValue('') != ''",
        "object.spec.?nodeName.orValue('') != ''",
        "request.userInfo.username == 'system:node:' + object.spec.nodeName",
    ))  # fmt: skip
    return f"{_flag(Flag.NOTHING)} || ({mirror})"


def _lines(shape: Shape) -> str:
    """One line for each rule that an image breaks; worked out only to be said."""
    blank = _line("i", "'no image is named; name one'", Code.BLANK)
    unread = _line("i", "'it is not the name of an image'", Code.UNPARSABLE)
    blanks = f"variables.fresh.filter(i, i.trim() == '').map(i, {blank})"
    lists = [
        f"({_flag(Flag.BLANK)} ? [] : {blanks})",
        f"variables.unparsable.map(i, {unread})",
    ]
    if shape.kind.templated:
        said = "'an image put together while it runs; write it out'"
        line = _line("i", said, Code.TEMPLATED)
        held = f"variables.fresh.filter(i, i.contains('{{{{')).map(i, {line})"
        lists.append(f"({_flag(Flag.DEFERRED)} ? [] : {held})")
    for condition, said, code in _RULES:
        lists.append(f"variables.wrong.filter(p, {condition}).map(p, {_line('p[0]', said, code)})")
    # Of too many, none is looked at: that alone would be too dear.
    return f"variables.many ? [{q(_MANY)}] : {cel.added(lists)}"


def _line(image: str, said: str, code: Code) -> str:
    places = f"variables.judged.filter(e, e.startsWith({image} + '\\t'))"
    name = f"{_cut(f'{places}[0].substring({image}.size() + 1)', LONGEST_NAME)}"
    shown = _cut(f"{image}.trim()", LONGEST_IMAGE)
    return f"{name} + ': image \"' + {shown} + '\": ' + {_cut(said, LONGEST_REASON)} + ' [{code}]'"


def _cut(text: str, longest: int) -> str:
    """CEL has no local names, so a text is shortened by matching: before what does not print.

    A warning with a control character in it is not sent at all.
    """
    return f"({text}).find({q(f'{PRINTED}{{0,{longest}}}')})"


def _message(link: str) -> str:
    rest = (
        f"(variables.lines.size() > {MOST_LINES} ? "
        f"' | … and ' + string(variables.lines.size() - {MOST_LINES}) + ' more.' : '')"
    )
    kept = (
        f"(variables.lines.size() > {MOST_LINES} ? ["
        + ", ".join(f"variables.lines[{n}]" for n in range(MOST_LINES))
        + "] : variables.lines)"
    )
    way_out = f" + {q(f' | {ASK}')} + {_link(link)}" if link else ""
    # A message with a line break in it is thrown away by the API server.
    return f"'The image policy denies this. ' + {kept}.join(' | ') + {rest}{way_out}"


def _link(link: str) -> str:
    """The page with the question filled in; only what is an image's name is put into an address."""
    image = "(!variables.many && variables.wrong.size() > 0 ? variables.wrong[0][0] : '')"
    words = {"{namespace}": "request.?namespace.orValue('')", "{image}": image}
    written = q(link)
    for word, expression in words.items():
        written = written.replace(word, f"' + {expression} + '")
    return _cut(written, LONGEST_LINK)
