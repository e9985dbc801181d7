"""Submitting a workflow: from a template by a form made from its parameters, or from YAML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from controlplane.argo import acts, faults, panel, text
from controlplane.argo.faults import CannotRun, Fault
from controlplane.argo.submission import (
    BadWorkflow,
    Parameter,
    again,
    from_template,
    parameters_of,
)
from controlplane.argo.text import BadText, Problem
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import CutOff, Invalid, KubeError, Refused, Silent, Unreachable
from controlplane.objects import Manifest
from controlplane.refusals import status_of
from tenants.levels import Act
from tenants.models import NamespaceQuerySet, Team, TenantNamespace

from .choosing import choose, suggestions
from .denied import Denial, denial_in
from .elsewhere import CURL
from .followed import simulated
from .people import signed_in

BEGINNING = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: hello-
spec:
  entrypoint: main
  templates:
    - name: main
      container:
        image: alpine:3.22
        command: [echo, hello]
"""
Excerpt = tuple[Problem, list[tuple[int, str, bool]]]  # what is wrong, and the lines around it
AROUND = 2  # lines shown above and below one that is wrong
JSON = '-H "Content-Type: application/json"'
LONGEST_FIELD = 64 * 1024
# What an address and an error number say to nobody; other trouble has a sentence of its own.
NO_ANSWER = (Unreachable, Silent, CutOff)


@dataclass
class Form:
    """What was chosen and typed so far, and what is wrong with it."""

    namespace: TenantNamespace | None = None
    kind: str = "template"
    templates: list[Manifest] = field(default_factory=list)
    template: Manifest | None = None
    manifest: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    denial: Denial | None = None  # what the problem is, where our image policy says no
    wrong: str = ""
    lines: list["Excerpt"] = field(default_factory=list)
    # What would not go as it is meant, though the cluster takes it.
    warnings: list["Excerpt"] = field(default_factory=list)
    code: int = 200

    @property
    def fields(self) -> list[tuple[Parameter, str, str]]:
        """Each parameter with what is in its field, and what is wrong with that."""
        parameters = parameters_of(self.template) if self.template else ()
        return [
            (
                p,
                self.typed.get(p.name, p.value),
                self.problem if self.wrong == f"p.{p.name}" else "",
            )
            for p in parameters
        ]

    @property
    def description(self) -> str:
        """What the chosen template's author wrote about it."""
        return panel.description_of(self.template) if self.template else ""

    @property
    def beside(self) -> str:
        """The problem, where it is no field's own."""
        return "" if self.wrong.startswith("p.") else self.problem


@signed_in
def submit(request: HttpRequest, user: User) -> HttpResponse:
    """The form; once sent, the workflow's page, or what the cluster thinks of it."""
    said = request.POST if request.method == "POST" else request.GET
    choice = choose(open_to(user), pk=said.get("namespace", ""), asked=said.get("find", ""))
    form = Form(namespace=choice.chosen, kind="yaml" if said.get("from") == "yaml" else "template")
    if form.namespace is None and request.method == "POST":
        raise Http404
    made: Manifest | None = None
    checked = False
    if form.namespace is not None:
        _filled(form, user, request, said.get("template", ""), said.get("like", ""))
        if request.method == "POST" and not form.problem:
            checked = said.get("do") == "check"
            made = _sent(form, user, dry_run=checked)
    if made is not None and form.namespace is not None and not checked:
        name = made["metadata"]["name"]
        messages.success(request, f"{name} was submitted.", extra_tags="ok")
        for problem, _ in form.warnings:
            messages.warning(request, problem.sentence, extra_tags="warn")
        return redirect(f"/namespaces/{form.namespace.pk}/workflows/{name}/")
    context = {
        "form": form,
        "choice": choice,
        "made": _shown(made) if made else "",
        "simulated": simulated([form.namespace.cluster]) if form.namespace else "",
        "behind": _behind(form),
    }
    return render(request, "console/submit.html", context, status=form.code)


@signed_in
def names(request: HttpRequest, user: User) -> HttpResponse:
    """Namespaces that fit what is typed into the form's field so far."""
    found = suggestions(open_to(user), request.GET.get("find", ""))
    return render(request, "console/_options.html", {"options": found})


def open_to(user: User) -> NamespaceQuerySet:
    """The namespaces that a person may submit to."""
    teams = Team.objects.allowing(user, Act.SUBMIT_WORKFLOWS)
    return TenantNamespace.objects.live().filter(team__in=teams).exclude(applied_at=None)


def _filled(form: Form, user: User, request: HttpRequest, template: str, like: str) -> None:
    """What the cluster has for the form, and what was typed into it."""
    namespace = form.namespace
    if namespace is None:
        return
    form.manifest = request.POST.get("manifest", BEGINNING).replace("\r\n", "\n")
    form.typed = {
        key.removeprefix("p."): value.replace("\r\n", "\n")[:LONGEST_FIELD]
        for key, value in request.POST.items()
        if key.startswith("p.") and isinstance(value, str)
    }
    try:
        if form.kind == "template":
            form.templates = list(acts.templates(namespace, user))
            named = {t["metadata"]["name"]: t for t in form.templates}
            form.template = named.get(template)
            if request.method == "POST" and form.template is None:
                form.problem, form.code = "Choose a template first.", 400
        elif like and request.method != "POST":
            _copied(form, user, like)
    except (DomainError, KubeError) as exc:
        form.problem, form.code = exc.sentence, status_of(exc)
        if type(exc) in NO_ANSWER:
            form.problem = _unasked(namespace)


def _copied(form: Form, user: User, like: str) -> None:
    """The spec of an earlier workflow, to be changed."""
    # An object's name is part of a URL of the cluster's: only what can be one gets that far.
    if form.namespace is None or not set(like) <= set("abcdefghijklmnopqrstuvwxyz0123456789-."):
        return
    found = acts.find(form.namespace, user, like.strip(".") or "-")
    if found is not None:
        form.manifest = yaml.safe_dump(again(found), sort_keys=False, allow_unicode=True, width=100)


def _sent(form: Form, user: User, *, dry_run: bool) -> Manifest | None:
    """What the cluster made of it; None with the form's problem set."""
    namespace = form.namespace
    if namespace is None:
        return None
    try:
        if form.kind == "template" and form.template is not None:
            manifest = from_template(form.template, form.typed)
            found = acts.faults_in(namespace, form.template)
            faults.check(found)
        else:
            manifest = text.parsed(form.manifest)
            found = acts.faults_in(namespace, manifest)
        made = acts.submit(namespace, user, manifest, dry_run=dry_run)
    except CannotRun as exc:
        _told_apart(form, exc)
    except BadText as exc:
        _at_its_line(form, exc.sentence, exc.line)
    except BadWorkflow as exc:
        line = text.line_of(exc.path, form.manifest) if form.kind == "yaml" else 0
        _at_its_line(form, exc.sentence, line)
    except DomainError as exc:
        form.problem, form.wrong, form.code = exc.sentence, exc.field or "", status_of(exc)
    except Refused as exc:
        _explained(form, exc)
    except KubeError as exc:
        form.problem, form.code = _unanswered(namespace, exc, dry_run=dry_run), status_of(exc)
    else:
        form.warnings = _placed(form, found)
        return made
    return None


def _unanswered(namespace: TenantNamespace, exc: KubeError, *, dry_run: bool) -> str:
    """What became of what was sent, and the way out."""
    if type(exc) not in NO_ANSWER:
        return exc.sentence
    if isinstance(exc, Silent | CutOff) and not dry_run:
        return (
            f"Cluster {namespace.cluster.name} did not say what became of it: it may have been made. Look at "
            "the workflows of the namespace before you submit it again."
        )
    return _unasked(namespace)


def _unasked(namespace: TenantNamespace) -> str:
    return (
        f"Cluster {namespace.cluster.name} cannot be reached, so nothing was made. Try again once it "
        "answers: what you wrote stays here."
    )


def _told_apart(form: Form, exc: CannotRun) -> None:
    """Everything that is wrong, each thing beside its line: mending one would only bring the next."""
    form.problem, form.code = exc.sentence, 400
    if form.kind == "yaml":
        form.wrong = "manifest"
        form.lines = _placed(form, exc.faults)


def _placed(form: Form, found: Sequence[Fault]) -> list[Excerpt]:
    """Each fault with the line that it is in; a template's lines are not on the page."""
    if form.kind != "yaml":
        return [(Problem(f"{fault.path}: {fault.sentence}", 0), []) for fault in found]
    return [
        _excerpt(Problem(fault.sentence, text.line_of(fault.path, form.manifest)), form.manifest)
        for fault in found
    ]


def _at_its_line(form: Form, sentence: str, line: int) -> None:
    form.problem, form.wrong, form.code = sentence, "manifest", 400
    form.lines = [_excerpt(Problem(sentence, line), form.manifest)] if line else []


def _explained(form: Form, refusal: Refused) -> None:
    """The API server's own words, each beside its line."""
    form.problem, form.code = refusal.sentence, status_of(refusal)
    form.denial = denial_in(refusal, root=settings.BASE_URL)
    if form.kind == "yaml" and form.denial is None and isinstance(refusal, Invalid):
        form.wrong = "manifest"
        found = text.problems(refusal, form.manifest)
        form.lines = [_excerpt(problem, form.manifest) for problem in found if problem.line]


def _excerpt(problem: Problem, manifest: str) -> Excerpt:
    lines = manifest.split("\n")
    first = max(0, problem.line - 1 - AROUND)
    shown = lines[first : problem.line + AROUND]
    return problem, [
        (number, line[:300], number == problem.line) for number, line in enumerate(shown, first + 1)
    ]


def _shown(made: Manifest) -> str:
    """What would be made, as YAML, without the API server's bookkeeping."""
    meta = {
        k: v
        for k, v in made["metadata"].items()
        if k in {"name", "generateName", "namespace", "labels"}
    }
    kept: dict[str, Any] = {**made, "metadata": meta}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100)


def _behind(form: Form) -> list[tuple[str, str]]:
    name = form.namespace.name if form.namespace else "NAMESPACE"
    pk = form.namespace.pk if form.namespace else "ID"
    body = '{"manifest": {…}}'
    return [
        ("Terminal", f"argosy workflow submit {name} hello.yaml"),
        ("API", f"{CURL} {JSON} -d '{body}' {settings.BASE_URL}/api/v1/namespaces/{pk}/workflows/"),
    ]
