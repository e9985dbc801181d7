"""What was verified of a million images, in little memory: a table that is looked up, not searched.

A dictionary of a million names costs a process some 300 MB; here an image is 20 bytes: half a
SHA-256 of its name and digest, and the number of what is known of it, which few images do not share.
"""

from hashlib import sha256

from .bundle import BundleRefused, Fact, FactsDelta
from .facts import AttestationFact, Facts, ImageFacts, SignatureFact

KEY = 16  # bytes; whoever could make two images share them could make them share their digests
NUMBER = 4
SLOT = KEY + NUMBER
FIRST_SIZE = 1024  # slots
FULLEST = 0.75  # beyond, a look-up would walk far
GROWTH = 1.6


class Verified(Facts):
    """Facts out of a chain of sealed deltas; what an epoch before `trust_epoch` said is forgotten."""

    __slots__ = ("_count", "_numbers", "_said", "_size", "_slots", "trust_epoch", "version")

    def __init__(self, trust_epoch: int = 0) -> None:
        super().__init__()
        self.trust_epoch = trust_epoch
        self.version = 0
        self._size = FIRST_SIZE
        self._slots = bytearray(FIRST_SIZE * SLOT)
        self._count = 0
        self._said: list[tuple[int, ImageFacts]] = []
        self._numbers: dict[tuple[int, ImageFacts], int] = {}

    def __len__(self) -> int:
        return self._count

    def of(self, name: str, digest: str) -> ImageFacts | None:
        """What is known of this image; None if its push was never seen, or its trust was revoked."""
        at = self._find(self._slots, _key(name, digest))
        number = int.from_bytes(self._slots[at + KEY : at + SLOT])
        if not number:
            return None
        epoch, facts = self._said[number - 1]
        return facts if epoch >= self.trust_epoch else None

    def add(self, delta: FactsDelta) -> bool:
        """Take in a delta. False if it says nothing new; BundleRefused if some before it is missing."""
        if delta.version <= self.version:
            return False
        if delta.since > self.version:
            raise BundleRefused(
                f"The list of verified images goes on from version {delta.since}, and only those up to "
                f"{self.version} are here; the ones between must come first."
            )
        for fact in delta.facts:
            self._put(_key(fact.repository, fact.digest), self._number(fact))
        self.version = delta.version
        return True

    def _number(self, fact: Fact) -> int:
        said = fact.epoch, _known(fact)
        number = self._numbers.get(said)
        if number is None:
            self._said.append(said)
            number = self._numbers[said] = len(self._said)
        return number

    def _put(self, key: bytes, number: int) -> None:
        if self._count >= self._size * FULLEST:
            self._grow()
        at = self._find(self._slots, key)
        self._count += self._slots[at + KEY : at + SLOT] == bytes(NUMBER)
        # One assignment: whoever looks in between sees the slot as it was, or as it is.
        self._slots[at : at + SLOT] = key + number.to_bytes(NUMBER)

    def _grow(self) -> None:
        old, size = self._slots, int(self._size * GROWTH)
        slots = bytearray(size * SLOT)
        self._size = size
        for start in range(0, len(old), SLOT):
            slot = old[start : start + SLOT]
            if slot[KEY:] != bytes(NUMBER):
                at = self._find(slots, bytes(slot[:KEY]))
                slots[at : at + SLOT] = slot
        self._slots = slots

    def _find(self, slots: bytearray, key: bytes) -> int:
        """Where the key is, or the empty place where it would be."""
        end = len(slots)
        at = int.from_bytes(key[:8]) % (end // SLOT) * SLOT
        while slots[at : at + KEY] != key and any(slots[at + KEY : at + SLOT]):
            at += SLOT
            if at == end:
                at = 0
        return at


def _key(name: str, digest: str) -> bytes:
    return sha256(f"{name}@{digest}".encode()).digest()[:KEY]


def _known(fact: Fact) -> ImageFacts:
    return ImageFacts(
        signatures=tuple(SignatureFact(key, fact.made_for.get(key)) for key in fact.key_ids),
        attestations=tuple(
            AttestationFact(said.type, key) for said in fact.attestations for key in said.key_ids
        ),
        error=fact.error or None,
    )
