"""What rests in the database: opened by our keys only, used in its own row only, and moved to a newer key."""

import base64
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from controlplane import sealing
from controlplane.sealing import CannotOpen, OfAnother, rotated, seal, unseal

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
ROW = "secrets.Version:1:sealed"


@pytest.fixture(autouse=True)
def _one_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]


@given(plain=st.binary(max_size=200), of=st.text(st.characters(exclude_characters="\0")))
def test_what_is_sealed_for_a_row_opens_for_that_row(plain: bytes, of: str) -> None:
    try:
        of.encode()
    except UnicodeEncodeError:
        return

    assert unseal(seal(plain, of=of), of=of) == plain


def test_a_mebibyte_of_anything_is_sealed() -> None:
    plain = bytes(range(256)) * 4096

    assert unseal(seal(plain, of=ROW), of=ROW) == plain


def test_a_ciphertext_that_is_put_into_another_row_does_not_open_there() -> None:
    text = seal(b"theirs", of=ROW)

    with pytest.raises(OfAnother, match=r"secrets\.Version:2:sealed was sealed for another row"):
        unseal(text, of="secrets.Version:2:sealed")


def test_a_secret_cannot_pretend_to_be_of_another_row() -> None:
    """The identity ends where the first NUL stands, so none may hold one."""
    with pytest.raises(ValueError, match="NUL"):
        seal(b"x", of="a\0b")

    assert unseal(seal(b"\0b\0", of="a"), of="a") == b"\0b\0"


def test_a_secret_is_not_to_be_seen_in_what_is_kept() -> None:
    text = seal(b"correct horse", of=ROW)

    assert "correct" not in text
    assert base64.b64encode(b"correct horse").decode() not in text


def test_the_key_is_named_by_a_fingerprint_that_does_not_hold_it() -> None:
    named = sealing.fingerprint_of(seal(b"x", of=ROW))

    assert (named,) == sealing.fingerprints()
    assert named not in OLD
    assert named not in base64.urlsafe_b64decode(OLD).hex()


def test_a_newer_key_before_the_old_one_reads_what_the_old_one_wrote(
    settings: Settings,
) -> None:
    text = seal(b"x", of=ROW)
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    assert unseal(text, of=ROW) == b"x"
    assert sealing.fingerprint_of(seal(b"y", of=ROW)) == sealing.fingerprints()[0]


def test_rotation_keeps_the_secret_and_whose_it_is_and_needs_the_old_key_no_more(
    settings: Settings,
) -> None:
    text = seal(b"x", of=ROW)
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    anew = rotated(text)

    settings.ENCRYPTION_KEYS = [NEW]
    assert unseal(anew, of=ROW) == b"x"
    with pytest.raises(OfAnother):
        unseal(anew, of="another")


def test_rotating_twice_is_rotating_once(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    text = seal(b"x", of=ROW)

    assert rotated(text) == text


def test_a_key_that_was_removed_is_named_with_the_way_out(settings: Settings) -> None:
    text = seal(b"x", of=ROW)
    gone = sealing.fingerprints()[0]
    settings.ENCRYPTION_KEYS = [NEW]

    with pytest.raises(CannotOpen, match=f"the key {gone}, .* add it back to ARGOSY_ENCRYPTION"):
        unseal(text, of=ROW)
    with pytest.raises(CannotOpen):
        rotated(text)


@pytest.mark.parametrize(
    "broken",
    [
        lambda text: text[:-4],
        lambda text: text[:-4] + "AAAA",
        lambda text: text.rpartition(":")[0] + ":",
        lambda text: text.rpartition(":")[0] + ":ü",
        lambda text: text.rpartition(":")[2],
        lambda _: "",
        lambda _: "sealed",
    ],
)
def test_what_was_changed_or_cut_does_not_open_and_tells_nothing_of_itself(broken: Any) -> None:
    text = seal(b"correct horse", of=ROW)

    with pytest.raises(CannotOpen) as caught:
        unseal(broken(text), of=ROW)

    assert "correct" not in str(caught.value)
    assert text.rpartition(":")[2] not in str(caught.value)
