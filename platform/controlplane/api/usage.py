"""Usage over REST: what a team reserved and used, what that costs, and every cluster for the platform."""

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.clusters.models import Cluster
from controlplane.metrics import coverage, fleet, ranges, reading
from controlplane.metrics.chargeback import Line
from controlplane.metrics.fleet import ClusterLine, Standing, Wanted
from controlplane.metrics.queries import Coverage
from controlplane.metrics.ranges import Window
from controlplane.metrics.reading import BY, HEADS, QuotaPoint, UsagePoint
from tenants.models import Team, TenantNamespace

from .filtering import LONGEST
from .people import person

PAGE, MOST = 100, 500


def _amount() -> serializers.FloatField:
    return serializers.FloatField(allow_null=True)


class ClusterCoverageSerializer(serializers.Serializer[Coverage]):
    """Of how many clusters an answer is: `seen` are followed now, `stale` were, since `since` not."""

    of = serializers.IntegerField()
    seen = serializers.IntegerField()
    stale = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    words = serializers.SerializerMethodField()

    def get_words(self, covered: Coverage) -> str:
        return coverage.words(covered, timezone.now())


class QuotaPointSerializer(serializers.Serializer[QuotaPoint]):
    """One step: cores and GiB, null where nobody looked. `namespaces_seen` are those summed up."""

    at = serializers.DateTimeField()
    namespaces = serializers.IntegerField(source="of")
    namespaces_seen = serializers.IntegerField(source="seen")
    cpu_promised = _amount()
    cpu_hard = _amount()
    cpu_used = _amount()
    memory_gib_promised = _amount()
    memory_gib_hard = _amount()
    memory_gib_used = _amount()

    def to_representation(self, instance: QuotaPoint) -> dict[str, Any]:
        held = {
            f"{what}_{word}": None if number is None else number / per
            for what, key, per in (("cpu", "cpu", 1000), ("memory_gib", "memory", 1024))
            for word in ("promised", "hard", "used")
            for number in (instance.amounts[f"{key}_{word}"],)
        }
        return {
            "at": instance.at,
            "namespaces": instance.of,
            "namespaces_seen": instance.seen,
            **held,
        }


class UsagePointSerializer(serializers.Serializer[UsagePoint]):
    """One step: what workflows that ended in it had requested. `unseen`: gone before their end was seen."""

    at = serializers.DateTimeField()
    workflows = serializers.IntegerField()
    failed = serializers.IntegerField()
    unseen = serializers.IntegerField()
    cpu_seconds = serializers.IntegerField()
    memory_mib_seconds = serializers.IntegerField()


class TemplateSerializer(serializers.Serializer[Line]):
    """What the workflows of one template used; '' is what no template made."""

    template = serializers.SerializerMethodField()
    workflows = serializers.IntegerField()
    cpu_seconds = serializers.IntegerField()
    memory_mib_seconds = serializers.IntegerField()

    def get_template(self, line: Line) -> str:
        return line.names[0]


class MissedSerializer(serializers.Serializer[reading.Missing]):
    """A schedule of which runs did not come."""

    namespace = serializers.CharField()
    cluster = serializers.CharField()
    cron = serializers.CharField()
    runs = serializers.IntegerField()
    last = serializers.DateTimeField()


class UsageSerializer(serializers.Serializer[Any]):
    """A team's usage: `quota` is what quota objects say is reserved, `used` what workflows used."""

    team = serializers.CharField()
    first = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step_seconds = serializers.IntegerField()
    coverage = ClusterCoverageSerializer()
    quota = QuotaPointSerializer(many=True)
    used = UsagePointSerializer(many=True)
    templates = TemplateSerializer(many=True)
    missed = MissedSerializer(many=True)


class AskedSerializer(serializers.Serializer[Any]):
    """Whose usage, where, and when: a range that moves with the clock, or two days (UTC)."""

    team = serializers.CharField(max_length=LONGEST, help_text="Its slug.")
    namespace = serializers.CharField(max_length=LONGEST, required=False, default="")
    cluster = serializers.CharField(max_length=LONGEST, required=False, default="")
    range = serializers.ChoiceField([w.value for w in Window], required=False, default="24h")
    first = serializers.DateField(required=False, default=None, help_text="Also called `from`.")
    last = serializers.DateField(required=False, default=None, help_text="Also called `to`.")


class UsageView(APIView):
    """What one team reserved and used, step by step."""

    @extend_schema(parameters=[AskedSerializer], responses=UsageSerializer)
    def get(self, request: Request) -> Response:
        query = {
            "first" if key == "from" else "last" if key == "to" else key: value
            for key, value in request.query_params.items()
        }
        said = AskedSerializer(data=query)
        said.is_valid(raise_exception=True)
        asked = said.validated_data
        team = _team(request, asked["team"])
        over = ranges.asked(
            window=asked["range"], first=asked["first"], last=asked["last"], now=timezone.now()
        )
        namespaces = TenantNamespace.objects.visible_to(person(request)).filter(team=team)
        for key, column in (("namespace", "name"), ("cluster", "cluster__name")):
            if asked[key]:
                namespaces = namespaces.filter(**{column: asked[key]})
        found = {
            "team": team.slug,
            "first": over.first,
            "end": over.end,
            "step_seconds": int(over.step.total_seconds()),
            "coverage": reading.covered(namespaces.live()),
            "quota": reading.quota(namespaces, over),
            "used": reading.used(namespaces, over),
            "templates": reading.templates(namespaces, over),
            "missed": reading.missed(namespaces, over),
        }
        return Response(UsageSerializer(found).data)


class BillLineSerializer(serializers.Serializer[Line]):
    """One line: its names are there as far as `by` asks for them. Without prices, no cost."""

    team = serializers.CharField()
    cluster = serializers.CharField(required=False)
    namespace = serializers.CharField(required=False)
    template = serializers.CharField(required=False)
    workflows = serializers.IntegerField()
    cpu_hours = serializers.FloatField()
    memory_gib_hours = serializers.FloatField()
    cost = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)
    share = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)


class BillSerializer(serializers.Serializer[Any]):
    """A month's bill. `shared` is the part of the platform's own cost, a line of its own."""

    month = serializers.CharField()
    by = serializers.CharField()
    currency = serializers.CharField(allow_null=True)
    used = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)
    shared = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)
    total = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)
    count = serializers.IntegerField(help_text="Lines on all pages.")
    results = BillLineSerializer(many=True)


class BillAskedSerializer(serializers.Serializer[Any]):
    """Which bill."""

    month = serializers.RegexField(
        r"^[0-9]{4}-(0[1-9]|1[0-2])\Z", required=False, default="", help_text="As 2026-03."
    )
    by = serializers.ChoiceField(list(BY), required=False, default="team")
    team = serializers.CharField(max_length=LONGEST, required=False, default="")
    page = serializers.IntegerField(min_value=1, max_value=10**6, required=False, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=MOST, required=False, default=PAGE)


class ChargebackView(APIView):
    """What a month's usage costs, the dearest line first."""

    @extend_schema(parameters=[BillAskedSerializer], responses=BillSerializer)
    def get(self, request: Request) -> Response:
        said = BillAskedSerializer(data=request.query_params)
        said.is_valid(raise_exception=True)
        asked, user = said.validated_data, person(request)
        month: datetime = ranges.month_of(asked["month"], timezone.now())
        namespaces = TenantNamespace.objects.visible_to(user)
        if asked["team"]:
            namespaces = namespaces.filter(team=_team(request, asked["team"]))
        whole = user.sees_all and not asked["team"]
        bill = reading.bill(namespaces, month=month, by=asked["by"], whole=whole)
        page = Paginator(list(bill.lines), asked["page_size"]).get_page(asked["page"])
        priced = bill.rates is not None
        found = {
            "month": f"{month:%Y-%m}",
            "by": asked["by"],
            "currency": bill.rates.currency if bill.rates else None,
            "used": bill.used if priced else None,
            "shared": bill.shared if priced else None,
            "total": bill.total if priced else None,
            "count": len(bill.lines),
            "results": [_bill_line(line, HEADS[asked["by"]]) for line in page],
        }
        return Response(BillSerializer(found).data)


class FleetLineSerializer(serializers.Serializer[ClusterLine]):
    """A cluster as its tile shows it. `standing` is what most needs eyes."""

    name = serializers.CharField(source="cluster.name")
    labels = serializers.DictField(source="cluster.labels")
    simulated = serializers.BooleanField(source="cluster.simulated")
    scheduling = serializers.CharField(source="cluster.scheduling")
    kubernetes_version = serializers.CharField(source="cluster.kubernetes_version")
    checked_at = serializers.DateTimeField(source="cluster.checked_at", allow_null=True)
    standing = serializers.CharField()
    state = serializers.CharField(source="word")
    since = serializers.DateTimeField(allow_null=True)
    why = serializers.CharField()
    way_out = serializers.CharField()
    namespaces = serializers.IntegerField(source="on_it.namespaces")
    degraded = serializers.IntegerField(source="on_it.degraded")
    argo_versions = serializers.ListField(child=serializers.CharField(), source="on_it.versions")
    image_rules = serializers.CharField(source="rules.word")
    heard_at = serializers.DateTimeField(allow_null=True)
    stale_since = serializers.DateTimeField(source="followed.since", allow_null=True)
    agent_heard_at = serializers.DateTimeField(source="agent.heard_at", allow_null=True)


class FleetSerializer(serializers.Serializer[Any]):
    """All clusters, the worst first."""

    coverage = ClusterCoverageSerializer()
    standings = serializers.DictField(child=serializers.IntegerField())
    count = serializers.IntegerField()
    results = FleetLineSerializer(many=True)


class FleetAskedSerializer(serializers.Serializer[Any]):
    """Which clusters: by standing, by words of the name and the labels, by an Argo that runs there."""

    state = serializers.ChoiceField([s.value for s in Standing], required=False, default="")
    q = serializers.CharField(max_length=LONGEST, required=False, default="")
    argo = serializers.CharField(max_length=LONGEST, required=False, default="")
    page = serializers.IntegerField(min_value=1, max_value=10**6, required=False, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=MOST, required=False, default=PAGE)


class FleetView(APIView):
    """Every cluster, for the platform's people; to others there is no such thing."""

    @extend_schema(
        operation_id="fleet_list", parameters=[FleetAskedSerializer], responses=FleetSerializer
    )
    def get(self, request: Request) -> Response:
        _for_the_platform(request)
        said = FleetAskedSerializer(data=request.query_params)
        said.is_valid(raise_exception=True)
        asked = said.validated_data
        now = timezone.now()
        every = fleet.glances(now)
        wanted = Wanted(asked["state"], asked["q"], asked["argo"])
        fitting = fleet.narrowed(every, wanted)
        page = Paginator(fitting, asked["page_size"]).get_page(asked["page"])
        found = {
            "coverage": fleet.coverage_of(every),
            "standings": fleet.counts(every),
            "count": len(fitting),
            "results": fleet.lines(list(page), now),
        }
        return Response(FleetSerializer(found).data)


class FleetClusterView(APIView):
    """One cluster, as the fleet has it."""

    @extend_schema(
        responses=FleetLineSerializer, parameters=[OpenApiParameter("name", str, "path")]
    )
    def get(self, request: Request, name: str) -> Response:
        _for_the_platform(request)
        now = timezone.now()
        row = list(Cluster.objects.filter(name=name).values_list("pk", flat=True))
        found = fleet.lines(fleet.glances(now, only=row), now)
        if not found:
            raise Http404
        return Response(FleetLineSerializer(found[0]).data)


def _team(request: Request, slug: str) -> Team:
    """A team that the person may see: another is not there."""
    if not slug.isprintable():
        raise ValidationError({"team": "This is not a name."})
    team = Team.objects.visible_to(person(request)).filter(slug=slug).first()
    if team is None:
        raise Http404
    return team


def _for_the_platform(request: Request) -> None:
    if not person(request).sees_all:
        raise Http404


def _bill_line(line: Line, heads: tuple[str, ...]) -> dict[str, Any]:
    return {
        **dict(zip(heads, line.names, strict=True)),
        "workflows": line.workflows,
        "cpu_hours": round(float(line.cpu_hours), 3),
        "memory_gib_hours": round(float(line.memory_gib_hours), 3),
        "cost": line.cost,
        "share": line.share,
    }
