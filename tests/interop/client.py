"""What a foreign client needs to talk to the hub, written from the `.proto` files and `docs/WIRE.md`
alone: nodes, tokens, author signatures, refusals, proofs."""


import base64
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from google.rpc import error_details_pb2, status_pb2
from grpc_tools import protoc

from proofs import LedgerKey, ProofError, leaf_hash, sha256, verify_consistency, verify_inclusion

DEADLINE_S = 10
CHANNELS = "/hub.channels.v1.ChannelService/"
LEDGER = "/hub.ledger.v1.LedgerService/"
MEMBERS = "/hub.members.v1.MembersService/"


class Mismatch(Exception):
    """The hub did something else than documented."""


def expect(holds: bool, what: str) -> None:
    """Ends the run unless something holds."""
    if not holds:
        raise Mismatch(what)


def compile_protos(folder: Path, out: Path) -> None:
    """Compiles every `.proto` file into Python modules and makes them importable."""
    files = sorted(str(file) for file in (folder / "hub").rglob("*.proto"))
    expect(bool(files), f"{folder} has no .proto files")
    # Where grpcio-tools keeps the protos of google.protobuf.
    well_known = Path(protoc.__file__).parent / "_proto"
    status = protoc.main(
        ["protoc", f"-I{folder}", f"-I{well_known}", f"--python_out={out}", *files]
    )
    expect(status == 0, "the .proto files do not compile")
    sys.path.insert(0, str(out))


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562)."""
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + secrets.token_bytes(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def commitment(salt: bytes, method: str, request: bytes) -> bytes:
    """What an author signs."""
    return sha256(b"hub commitment v1\x00", salt, method.encode(), b"\x00", request)


def sign(key: Any, message: bytes) -> bytes:
    """Signs as the node's certificate demands: Ed25519, or ECDSA P-256 with SHA-256 in DER."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


def verify(certificate: x509.Certificate, signature: bytes, message: bytes) -> None:
    """Checks a signature by a certificate's key."""
    key = certificate.public_key()
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ProofError("the author's signature does not verify") from None


class Node:
    """One node of an agency, from its profile."""

    def __init__(self, profile: Path, endpoint: str | None):
        with profile.open("rb") as file:
            self.profile = tomllib.load(file)
        folder = profile.parent

        def read(name: str) -> bytes:
            return (folder / self.profile[name]).read_bytes()

        def private_key(name: str) -> Any:
            return serialization.load_pem_private_key(read(name), None)

        self.key = private_key("key")
        self.token_key = private_key("token_key")
        certificate = x509.load_pem_x509_certificate(read("certificate"))
        der = certificate.public_bytes(serialization.Encoding.DER)
        self.certificate_sha256 = hashlib.sha256(der).digest()
        self.key_kind = type(certificate.public_key()).__name__.removesuffix("PublicKey")
        self.ledger_key = LedgerKey(read("ledger_key").decode())
        target = (endpoint or self.profile["endpoint"]).removeprefix("https://")
        options = []
        if "server_name" in self.profile:
            options.append(("grpc.ssl_target_name_override", self.profile["server_name"]))
        credentials = grpc.ssl_channel_credentials(read("ca"), read("key"), read("certificate"))
        self.channel = grpc.secure_channel(target, credentials, options)

    def token(self, officer: str, roles: list[str], **other_claims: Any) -> str:
        """A bearer token for an officer, signed with the agency's token key (EdDSA)."""
        now = int(time.time())
        header = {"alg": "EdDSA", "typ": "JWT", "kid": self.profile["token_kid"]}
        claims = {
            "iss": self.profile["agency"],
            "sub": officer,
            "aud": self.profile["token_audience"],
            "iat": now,
            "exp": now + 600,
            "jti": uuid7(),
            "roles": roles,
            "cnf": {"x5t#S256": base64url(self.certificate_sha256)},
        } | other_claims
        parts = [base64url(json.dumps(part).encode()) for part in (header, claims)]
        signed = ".".join(parts)
        return f"{signed}.{base64url(self.token_key.sign(signed.encode()))}"


class Authored:
    """A mutating call as its author signed it."""

    def __init__(self, officer: "Officer", method: str, request: bytes):
        self.officer, self.method, self.request = officer, method, request
        self.salt = secrets.token_bytes(16)
        self.commitment = commitment(self.salt, method, request)
        self.signature = sign(officer.node.key, self.commitment)

    def headers(self) -> list[tuple[str, bytes]]:
        """The author headers; gRPC libraries put `-bin` values into base64."""
        return [("author-salt-bin", self.salt), ("author-signature-bin", self.signature)]


class Officer:
    """An officer who calls through a node under roles."""

    def __init__(self, node: Node, officer: str, role: str):
        self.node, self.officer, self.role = node, officer, role
        self.token = node.token(officer, [role])

    def headers(self) -> list[tuple[str, str]]:
        """The identity headers."""
        return [("authorization", f"Bearer {self.token}")]

    def call(self, method: str, request: bytes, answer: Any, headers: list | None = None) -> Any:
        """One unary call with exactly these message bytes."""
        stub = self.node.channel.unary_unary(
            method, request_serializer=None, response_deserializer=answer.FromString
        )
        metadata = self.headers() if headers is None else headers
        return stub(request, metadata=metadata, timeout=DEADLINE_S)

    def read(self, method: str, request: Any, answer: Any) -> Any:
        """A call that changes nothing."""
        return self.call(method, request.SerializeToString(), answer)

    def write(self, method: str, request: Any, answer: Any) -> tuple[Any, Authored]:
        """A mutating call: encoded once, signed, and sent as it was signed."""
        authored = Authored(self, method, request.SerializeToString())
        headers = self.headers() + authored.headers()
        return self.call(method, authored.request, answer, headers), authored

    def stream(self, method: str, request: Any, answer: Any) -> Any:
        """A server stream."""
        stub = self.node.channel.unary_stream(
            method, request_serializer=None, response_deserializer=answer.FromString
        )
        payload = request.SerializeToString()
        return stub(payload, metadata=self.headers(), timeout=DEADLINE_S)


def reason(error: grpc.RpcError) -> str:
    """`google.rpc.ErrorInfo.reason` of a refusal."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            expect(status.code == error.code().value[0], "the two status codes differ")
            for detail in status.details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    expect(info.domain == "hub", f"ErrorInfo.domain is {info.domain!r}")
                    return info.reason
    raise Mismatch(f"a refusal without ErrorInfo: {error.code()}: {error.details()}")


def refused(code: grpc.StatusCode, why: str, call: Callable[[], Any]) -> None:
    """Expects a refusal with a code and a reason."""
    try:
        call()
    except grpc.RpcError as error:
        found = (error.code(), reason(error))
        expect(found == (code, why), f"expected {code.name} {why}, got {found}")
        done(f"refused: {why}")
        return
    raise Mismatch(f"the hub did not refuse with {why}")


def done(what: str) -> None:
    """Tells of a step."""
    print(f"ok  {what}", flush=True)


class Ledger:
    """The ledger as one officer sees it. It trusts the ledger's key and remembers a checkpoint."""

    def __init__(self, officer: Officer, pb: Any, entry_pb: Any):
        self.officer, self.pb, self.entry_pb = officer, pb, entry_pb
        self.key, self.remembered = officer.node.ledger_key, None

    def _read(self, name: str, **fields: Any) -> Any:
        request = getattr(self.pb, f"{name}Request")(**fields)
        return self.officer.read(LEDGER + name, request, getattr(self.pb, f"{name}Response"))

    def checkpoint(self, index: int) -> Any:
        """A verified checkpoint that covers an entry and continues the remembered one."""
        for _ in range(100):
            self.note = self._read("GetCheckpoint").checkpoint
            shown = self.key.checkpoint(self.note)
            if shown.size > index:
                break
            time.sleep(0.05)  # The hub signs a checkpoint shortly after it has answered.
        expect(shown.size > index, f"no checkpoint covers entry {index}")
        before = self.remembered
        if before:
            proof = self._read("GetConsistencyProof", from_size=before.size, to_size=shown.size)
            path = list(proof.hashes)
            verify_consistency(before.size, shown.size, path, before.root, shown.root)
        self.remembered = shown
        return shown

    def prove(self, receipt: Any, own: Authored | None) -> Any:
        """Proves a receipt, and that it is of what the caller signed. Answers its header."""
        header = self.entry_pb.EntryHeader.FromString(receipt.header)
        leaf = leaf_hash(receipt.header)
        expect(leaf == receipt.leaf_hash, "the receipt's leaf hash is not its header's")
        expect(header.format == 1, "the header's format is not 1")
        expect(header.index == receipt.entry_index, "the receipt's index is not its header's")
        recorded_at_us = receipt.recorded_at.ToMicroseconds()
        expect(header.recorded_at_us == recorded_at_us, "the receipt's time is not its header's")
        expect(abs(time.time() - recorded_at_us / 1e6) < 300, "the receipt's time is far off")
        if own:
            self.compare(header, own)
        checkpoint = self.checkpoint(header.index)
        proof = self._read(
            "GetInclusionProof", entry_index=header.index, tree_size=checkpoint.size
        )
        expect(proof.tree_size == checkpoint.size, "the proof is for another tree")
        expect(proof.leaf_hash == leaf, "the proof is for another leaf")
        path = list(proof.hashes)
        verify_inclusion(leaf, header.index, checkpoint.size, path, checkpoint.root)
        self.distrust(receipt, header.index, checkpoint, path)
        return header

    def compare(self, header: Any, own: Authored) -> None:
        """Compares a header with what the caller signed."""
        node, author = own.officer.node, header.author
        for what, found, expected in (
            ("method", header.method, own.method),
            ("commitment", header.commitment, own.commitment),
            ("author signature", header.author_signature, own.signature),
            ("agency", author.agency, node.profile["agency"]),
            ("node", author.node, node.profile["node"]),
            ("certificate", author.certificate_sha256, node.certificate_sha256),
            ("officer", author.officer, own.officer.officer),
            ("role", author.role, own.officer.role),
        ):
            expect(found == expected, f"the header's {what} is not the caller's")

    def distrust(self, receipt: Any, index: int, checkpoint: Any, path: list[bytes]) -> None:
        """Breaks each input in turn: a verifier that accepts any of them proves nothing."""
        broken = bytes([receipt.header[0] ^ 1]) + receipt.header[1:]
        body, _, tail = self.note.rpartition("\n\n")
        origin, size, root = body.split("\n")
        larger = f"{origin}\n{int(size) + 1}\n{root}\n\n{tail}"
        size, root, leaf = checkpoint.size, checkpoint.root, leaf_hash(receipt.header)
        attempts: list[Callable[[], Any]] = [
            lambda: verify_inclusion(leaf_hash(broken), index, size, path, root),
            lambda: verify_inclusion(leaf, index, size, path, leaf_hash(root)),
            lambda: verify_inclusion(leaf, index, size, [*path, root], root),
            lambda: self.key.checkpoint(larger),
        ]
        if path:
            attempts.append(lambda: verify_inclusion(leaf, index, size, path[:-1], root))
        for number, attempt in enumerate(attempts):
            try:
                attempt()
            except ProofError:
                continue
            raise Mismatch(f"the verifier accepted broken proof {number}")

    def reread(self, index: int, own: Authored) -> None:
        """Fetches an own entry: salt, request and certificate must explain the commitment."""
        answer = self._read("GetEntry", entry_index=index)
        header = self.entry_pb.EntryHeader.FromString(answer.entry.header)
        content = self.entry_pb.EntryContent.FromString(answer.entry.content)
        expect(content.request == own.request, "the stored request is not what was sent")
        kept = commitment(content.author_salt, header.method, content.request)
        expect(kept == header.commitment, "the stored content does not explain the commitment")
        expect(
            sha256(answer.author_certificate) == header.author.certificate_sha256,
            "the certificate is not the one that the header names",
        )
        certificate = x509.load_der_x509_certificate(answer.author_certificate)
        verify(certificate, header.author_signature, kept)


def deliveries(events: Any) -> tuple[list[Any], str]:
    """Everything up to the end of the backlog, and the cursor there."""
    found = []
    for event in events:
        kind = event.WhichOneof("event")
        if kind == "delivery":
            found.append(event.delivery)
        elif kind == "caught_up":
            events.cancel()
            return found, event.caught_up.cursor
    raise Mismatch("the stream ended before it had caught up")
