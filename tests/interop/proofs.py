"""RFC 6962 proofs and C2SP signed notes, checked by code that shares nothing with the hub's."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = b"\x01"


class ProofError(Exception):
    """A proof, a note or a receipt does not hold."""


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(header: bytes) -> bytes:
    """RFC 6962 section 2.1."""
    return sha256(b"\x00", header)


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1."""
    return sha256(b"\x01", left, right)


def verify_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2, which checks the same proofs as RFC 6962."""
    if not 0 <= index < size:
        raise ProofError(f"index {index} is not in a tree of {size}")
    fn, sn, computed = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            raise ProofError("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            computed = node_hash(sibling, computed)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            computed = node_hash(computed, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or computed != root:
        raise ProofError(f"entry {index} is not in the tree of {size} with this root")


def verify_consistency(
    first: int, second: int, path: list[bytes], first_root: bytes, second_root: bytes
) -> None:
    """RFC 9162 section 2.1.4.2."""
    if not 1 <= first <= second:
        raise ProofError(f"no proof leads from {first} to {second}")
    if first == second:
        if path or first_root != second_root:
            raise ProofError("two roots of one size")
        return
    if first & (first - 1) == 0:
        path = [first_root, *path]
    if not path:
        raise ProofError("the consistency proof is empty")
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise ProofError("the consistency proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(sibling, fr), node_hash(sibling, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or fr != first_root or sr != second_root:
        raise ProofError(f"the tree of {second} does not continue the tree of {first}")


@dataclass(frozen=True)
class Checkpoint:
    """Size and root of the ledger's tree."""

    size: int
    root: bytes


class LedgerKey:
    """A C2SP verifier key: `<name>+<8 hex digits>+<base64 of 0x01 and the Ed25519 key>`."""

    def __init__(self, text: str):
        self.name, key_id, key = text.strip().split("+", 2)
        typed = base64.b64decode(key, validate=True)
        if typed[:1] != ED25519 or len(typed) != 33:
            raise ProofError("the ledger key is not Ed25519")
        self.key_id = sha256(self.name.encode(), b"\n", typed)[:4]
        if self.key_id.hex() != key_id:
            raise ProofError("the ledger key's digits do not hash its name and key")
        self.key = Ed25519PublicKey.from_public_bytes(typed[1:])

    def verify(self, message: bytes, signature: bytes) -> None:
        """Checks a signature by the ledger's key."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            raise ProofError("the ledger's key has not signed this") from None

    def checkpoint(self, note: str) -> Checkpoint:
        """Reads a C2SP tlog-checkpoint in a C2SP signed-note, and verifies this key's signature."""
        body, separator, signatures = note.rpartition("\n\n")
        if not separator:
            raise ProofError("the note has no signatures")
        body += "\n"
        own = [raw for raw in map(self._own, signatures.splitlines()) if raw]
        if not own:
            raise ProofError("the note has no signature of the ledger's key")
        for signature in own:
            self.verify(body.encode(), signature)
        lines = body.split("\n")
        if len(lines) != 4 or lines[0] != self.name or str(int(lines[1])) != lines[1]:
            raise ProofError("the note is no checkpoint of this ledger")
        root = base64.b64decode(lines[2], validate=True)
        if len(root) != 32:
            raise ProofError("the root has not 32 bytes")
        return Checkpoint(int(lines[1]), root)

    def _own(self, line: str) -> bytes | None:
        """This key's signature from a line `— <name> <base64 of key id and signature>`."""
        dash, name, data = line.split(" ")
        raw = base64.b64decode(data, validate=True)
        if dash != "\u2014":
            raise ProofError("a signature line must begin with an em dash")
        return raw[4:] if name == self.name and raw[:4] == self.key_id else None
