"""`argosy secret`: an owner keeps a team's secrets, and nothing secret was ever on the command line."""

import json
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from controlplane.secrets import contents, services
from controlplane.secrets.models import Secret
from controlplane.secrets.services import Given
from tenants.models import Team
from tests.controlplane.cli.runner import run
from tests.factories import NamespaceFactory, TeamFactory, member_of, owner_of

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]

OK, REFUSED = 0, 1
CANARY = "canary-in-a-terminal-3fd1"
BUCKET = ("--set", "endpoint=s3.example.com", "--set", "bucket=atlas")


@pytest.fixture
def team() -> Team:
    return TeamFactory(slug="atlas")


def held(name: str) -> dict[str, bytes]:
    """What the newest version of it holds."""
    secret = Secret.objects.get(name=name)
    return dict(contents.opened(secret.versions.get(number=secret.version)).values)


def kept(team: Team, name: str = "ci", value: bytes = b"1") -> Secret:
    given = Given(values={"token": value})
    by = owner_of(team)
    return services.add(team=team, name=name, kind="opaque", given=given, by=by, now=timezone.now())


def file_of(folder: Path, content: bytes) -> str:
    path = folder / "value"
    path.write_bytes(content)
    return str(path)


def test_keys_of_ones_own_come_from_files_as_they_are(team: Team, tmp_path: Path) -> None:
    content = CANARY.encode() + b"\n\x00\xff\n"
    path = file_of(tmp_path, content)

    made = run(
        "secret", "add", "ci", "--team", "atlas", "--from-file", f"token={path}",
        user=owner_of(team),
    )  # fmt: skip

    assert made.exit_code == OK, made.output
    assert held("ci") == {"token": content}
    assert "Version 1 of ci is kept" in made.output
    assert CANARY not in made.output


def test_a_password_comes_without_the_end_of_its_line(team: Team, tmp_path: Path) -> None:
    path = file_of(tmp_path, b"AKIA\r\n")

    made = run(
        "secret", "add", "artifacts", "--team", "atlas", "--kind", "s3", *BUCKET,
        "--from-file", f"access_key={path}", "--value-from-stdin", "secret_key",
        user=owner_of(team), sent=CANARY.encode() + b"\n",
    )  # fmt: skip

    assert made.exit_code == OK, made.output
    assert held("artifacts") == {"access_key": b"AKIA", "secret_key": CANARY.encode()}


def test_what_is_asked_for_is_not_shown_while_it_is_typed(team: Team) -> None:
    made = run(
        "secret", "add", "ci", "--team", "atlas", "--ask", "token",
        user=owner_of(team), sent=CANARY.encode() + b"\n",
    )  # fmt: skip

    assert made.exit_code == OK, made.output
    assert held("ci") == {"token": CANARY.encode()}
    assert CANARY not in made.output


@pytest.mark.parametrize(
    "words",
    [
        ("--kind", "s3", *BUCKET, "--set", f"secret_key={CANARY}"),
        ("--kind", "opaque", "--set", f"token={CANARY}"),
    ],
)
def test_what_is_secret_is_refused_on_the_command_line_and_not_repeated(
    team: Team, words: tuple[str, ...]
) -> None:
    answer = run("secret", "add", "x", "--team", "atlas", *words, user=owner_of(team))

    assert answer.exit_code == REFUSED
    assert "Take another value" in answer.output
    assert CANARY not in answer.output
    assert not Secret.objects.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--kind", "s3", *BUCKET), "access_key is missing: give it by --from-file"),
        (("--kind", "s4"), "There is no kind of secret s4; there is: archive"),
        (("--kind", "s3", "--set", "bucked=a"), "has no setting bucked; it has bucket, endpoint"),
        (("--set", "endpoint"), "Write --set KEY=TEXT."),
        (("--from-file", CANARY), "Write --from-file KEY=PATH."),
        (("--from-file", "token=/no/such/file"), "/no/such/file cannot be read: No such file"),
        (("--from-file", "token=/"), "/ cannot be read: Is a directory"),
        (("--ask", "a", "--ask", "a"), "a is given twice"),
        ((), "at least one key"),
        (("--namespace", "nowhere", "--ask", "a"), "There is no namespace nowhere"),
        (("--until", "soon", "--ask", "a"), "Date has wrong format"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_kept(
    team: Team, words: tuple[str, ...], says: str
) -> None:
    answer = run(
        "secret", "add", "x", "--team", "atlas", *words, user=owner_of(team), sent=b"1\n2\n"
    )

    assert answer.exit_code == REFUSED
    assert says in answer.output
    assert CANARY not in answer.output
    assert not Secret.objects.exists()


def test_a_new_version_is_whole_and_an_old_one_comes_back(team: Team) -> None:
    owner = owner_of(team)
    kept(team, value=b"old")

    renewed = run("secret", "renew", "ci", "--value-from-stdin", "other", user=owner, sent=b"new")
    assert renewed.exit_code == OK, renewed.output
    assert held("ci") == {"other": b"new"}

    assert run("secret", "bring-back", "ci", "1", user=owner).exit_code == OK
    assert held("ci") == {"token": b"old"}


def test_removing_asks_first_and_forgets(team: Team) -> None:
    secret, owner = kept(team), owner_of(team)

    unsure = run("secret", "remove", "ci", user=owner, sent=b"n\n")
    assert unsure.exit_code == REFUSED
    assert "ci of atlas, in all of the team's namespaces" in unsure.output
    secret.refresh_from_db()
    assert secret.removed_at is None

    assert run("secret", "remove", "ci", "--yes", user=owner).exit_code == OK
    secret.refresh_from_db()
    assert secret.removed_at is not None
    assert "There is no secret ci" in run("secret", "remove", "ci", "--yes", user=owner).output


def test_trying_one_that_does_not_work_ends_with_1(team: Team, settings: Settings) -> None:
    settings.STORE_NETWORKS = ["10.0.0.0/8"]
    place = {"host": "127.0.0.1", "database": "a", "user": "a"}
    given, owner = Given(place, {"password": CANARY.encode()}), owner_of(team)
    services.add(team=team, name="done", kind="archive", given=given, by=owner, now=timezone.now())

    tried = run("secret", "test", "done", user=owner)

    assert tried.exit_code == REFUSED
    assert "which is not called from here" in tried.output
    assert CANARY not in tried.output


def test_the_list_is_of_ones_own_teams_and_holds_no_value(team: Team) -> None:
    kept(team, value=CANARY.encode())
    kept(TeamFactory(slug="ledger"), "of-the-others")
    member = member_of(team)

    table = run("secret", "list", user=member)
    plain = run("secret", "list", "--json", user=member)
    whole = run("secret", "show", "ci", user=member)

    assert "ci" in table.output
    assert "0 of 0" in table.output
    assert [each["name"] for each in json.loads(plain.output)] == ["ci"]
    assert "standing: no-end" in whole.output
    for answer in (table, plain, whole):
        assert answer.exit_code == OK
        assert "of-the-others" not in answer.output
        assert CANARY not in answer.output


@pytest.mark.parametrize(
    "words",
    [("renew", "ci", "--ask", "a"), ("bring-back", "ci", "1"), ("remove", "ci", "--yes")],
)
def test_who_owns_it_not_is_told_so_and_another_teams_is_not_there(
    team: Team, words: tuple[str, ...]
) -> None:
    secret = kept(team)
    services.renew(secret, given=Given(values={"a": b"2"}), by=owner_of(team), now=timezone.now())

    mine = run("secret", *words, user=member_of(team), sent=b"x\n")
    theirs = run("secret", *words, user=owner_of(TeamFactory()), sent=b"x\n")

    assert (mine.exit_code, theirs.exit_code) == (REFUSED, REFUSED)
    assert "Only owners" in mine.output
    assert "There is no secret ci there that you may see." in theirs.output
    secret.refresh_from_db()
    assert (secret.version, secret.removed_at) == (2, None)


def test_of_two_with_one_name_one_says_which(team: Team) -> None:
    owner = owner_of(team)
    for name in ("here", "there"):
        NamespaceFactory(name=name, team=team)
        words = ("--team", "atlas", "--namespace", name, "--ask", "a")
        assert run("secret", "add", "ci", *words, user=owner, sent=b"1\n").exit_code == OK

    either = run("secret", "remove", "ci", "--yes", user=owner)
    one = run("secret", "remove", "ci", "--namespace", "there", "--yes", user=owner)

    assert either.exit_code == REFUSED
    assert "Several secrets are called ci" in either.output
    assert one.exit_code == OK
    assert [s.namespace.name for s in Secret.objects.live() if s.namespace] == ["here"]


def test_kinds_tell_what_each_asks_and_what_of_it_is_secret(team: Team) -> None:
    found = json.loads(run("secret", "kinds", "--json", user=member_of(team)).output)

    s3 = next(each for each in found if each["kind"] == "s3")
    assert [each["name"] for each in s3["asks"] if each["secret"]] == ["access_key", "secret_key"]
    assert s3["tested"].startswith("Writes a small object")
    assert next(each for each in found if each["kind"] == "opaque")["asks"] == []


def test_the_teams_command_and_that_of_the_platforms_keys_each_name_the_other() -> None:
    assert "argosy secrets" in run("secret", "--help").output
    assert "argosy secret`" in run("secrets", "--help").output


def test_where_no_pod_gets_there_it_is_said_at_once(team: Team, settings: Settings) -> None:
    settings.STORE_NETWORKS = []
    words = (
        "--team",
        "atlas",
        "--kind",
        "s3",
        *BUCKET,
        "--ask",
        "access_key",
        "--ask",
        "secret_key",
    )

    made = run("secret", "add", "artifacts", *words, user=owner_of(team), sent=b"a\nb\n")

    assert made.exit_code == OK, made.output
    assert "Ask its admins to set ARGOSY_STORE_NETWORKS" in made.output
