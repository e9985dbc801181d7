"""Planted values, searched for wherever the platform of production writes, sends or shows anything."""

from pathlib import Path

import httpx
import pytest

from localcluster.clusters import RunningCluster
from localcluster.home import Home
from tests.charts.api import connected
from tests.production import stores
from tests.production.canary import places, watching
from tests.production.canary.echoing import echo
from tests.production.canary.places import Texts
from tests.production.canary.planted import Found, Planted, Search
from tests.production.canary.story import Story, around, lived, settings_of
from tests.production.canary.visiting import paths_to_read
from tests.production.platform import running
from tests.provider import provider

# All of it happens before the first test, on a busy machine too.
pytestmark = [pytest.mark.production, pytest.mark.cluster, pytest.mark.timeout(900)]

OBJECTS = "objects of the cluster"
# Each place, and what shows that it was looked into: without it, nothing found there would mean nothing.
PLACES = {
    "logs": b"secrets of atlas-prod",
    "argv": b"controlplane.cli",
    "environments": b"ARGOSY_ENCRYPTION_KEYS_FILE",
    "what processes started": b"'upgrade'",
    "database": b"my-opaque",
    "keys of the broker": b"_kombu",
    "traffic of the broker": b"secrets.tasks.deliver",
    "releases": b"my-s3",
    "pages and answers": b"my-archive",
    "metrics": b"argosy_",
    "bundle": b"searched",
    "commands": b"secret.added",
    "files of the platform": b"",
}


class Looked:
    """All places, read whole after everything has happened."""

    def __init__(self, story: Story, texts: dict[str, Texts]) -> None:
        self.story, self.texts = story, texts
        self._search = Search(story.planted.values())

    def found(self, place: str) -> set[Found]:
        return self._search.found(self.texts[place])


@pytest.fixture(scope="module")
def looked(
    tmp_path_factory: pytest.TempPathFactory, searched_cluster: RunningCluster, cluster_home: Home
) -> Looked:
    folder, starts = tmp_path_factory.mktemp("platform"), tmp_path_factory.mktemp("starts") / "all"
    texts: dict[str, Texts] = {}
    with (
        watching.processes_seen() as seen,
        stores.postgresql() as database,
        stores.redis() as broker,
        watching.traffic_of(broker.port) as traffic,
        provider() as idp,
        echo() as host,
        connected(searched_cluster.kubeconfig) as admin,
    ):
        planted: dict[str, Planted] = {}
        settings = settings_of(idp, planted)
        with running(folder, database, broker, settings, around(starts)) as platform:
            story = Story(platform, searched_cluster, host, planted)
            story.plant("the database's password", database.password)
            lived(story, idp, admin)
            texts["pages and answers"] = everything_shown(story)
            texts["metrics"] = {"metrics": metrics_of(story)}
            texts["database"] = places.rows(database.url)
            texts["keys of the broker"] = places.keys(broker.port)
            texts[OBJECTS] = places.objects(admin)
            texts["releases"] = places.releases(admin)
            texts["files of the platform"] = files_of(folder / "home")
        logs = [folder, database.folder, broker.folder, cluster_home.path]
        texts["logs"] = places.files(logs, "*.log")
    texts["argv"] = {"argv": b"\n".join(seen.argv)}
    texts["environments"] = {"environments": b"\n".join(seen.environments)}
    texts["what processes started"] = {"starts": starts.read_bytes()}
    texts["traffic of the broker"] = {"traffic": b"".join(traffic)}
    texts["bundle"] = {"bundle": story.bundle}
    texts["commands"] = {"commands": b"\n".join(story.said)}
    return Looked(story, texts)


def everything_shown(story: Story) -> Texts:
    """Every page and every answer that each of them can come by, whoever they are."""
    paths = paths_to_read(story.people["ada"])
    for visitor in story.people.values():
        visitor.see_every_page()
        visitor.see_the_whole_api(paths)
        visitor.close()
    return {k: v for visitor in story.people.values() for k, v in visitor.answers.items()}


def metrics_of(story: Story) -> bytes:
    """The platform's own figures, as its scraper is told them."""
    token = story.planted["the scraper's token"].value
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{story.platform.url}/metrics", headers=headers, trust_env=False)
    assert answer.status_code == 200
    return answer.content


def files_of(home: Path) -> Texts:
    """What the platform keeps in its folder; but not its ways into clusters, which are files for helm."""
    found = places.files([home])
    return {name: text for name, text in found.items() if home / "run" not in Path(name).parents}


def test_each_value_is_in_the_secret_that_is_meant_to_have_it_and_in_no_other_object(
    looked: Looked,
) -> None:
    assert looked.found(OBJECTS) == looked.story.homes


@pytest.mark.parametrize("place", PLACES)
def test_nothing_planted_is_in_the(looked: Looked, place: str) -> None:
    assert looked.found(place) == set()


@pytest.mark.parametrize(("place", "sign"), PLACES.items(), ids=PLACES)
def test_there_was_something_to_be_looked_through_in_the(
    looked: Looked, place: str, sign: bytes
) -> None:
    texts = looked.texts[place]

    assert texts
    assert any(sign in text for text in texts.values())


def test_only_what_was_broken_on_purpose_did_not_answer(looked: Looked) -> None:
    broken = {where for visitor in looked.story.people.values() for where in visitor.broken}

    assert {where for where in broken if " GET " in where} == set()
