"""The certificate that signs what is made: an own one, made at the first start and renewed in time, or the operator's.

Keys stay in the gateway's own folder or where the operator keeps them, readable by their owner; they are neither stored
with results nor logged.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

log = logging.getLogger("huasheng.gateway.marks")
ROOT_DAYS, LEAF_DAYS, RENEW_DAYS = 3650, 397, 30
"""How long the own root and leaf are good, and how long before its end a leaf is replaced, in days."""
CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
"""The use of a key that C2PA itself names."""
_USES = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ObjectIdentifier("1.3.6.1.5.5.7.3.36"), CLAIM_SIGNING}
"""Uses that C2PA takes: mail, documents, claims."""
_CURVES = {"secp256r1": ("es256", hashes.SHA256()), "secp384r1": ("es384", hashes.SHA384())}


@dataclass(frozen=True)
class Credential:
    """What signs. ``chain`` and ``key`` are PEM, the leaf first; ``anchor`` is the last certificate of the chain."""

    algorithm: str
    chain: bytes
    key: bytes
    anchor: bytes
    is_own: bool
    ends: dt.datetime

    def __repr__(self) -> str:
        return f"Credential({self.algorithm}, own={self.is_own}, ends={self.ends:%Y-%m-%d})"


def load_credential(folder: Path, certificate: Path | None, key: Path | None) -> Credential:
    """The operator's credential where files are given, else the own one of ``folder``, made or renewed where needed.

    Raises ``SystemExit``, which names the file and never what is in it.
    """
    if certificate is None and key is None:
        return _own(folder)
    if certificate is None or key is None:
        raise SystemExit("gateway: set both GATEWAY_SIGN_CERTIFICATE and GATEWAY_SIGN_KEY, or neither")
    try:
        chain, secret = certificate.read_bytes(), key.read_bytes()
    except OSError as e:
        raise SystemExit(f"gateway: the signing file {e.filename} cannot be read: {e.strerror}") from e
    try:
        return _checked(chain, secret, is_own=False)
    except ValueError as e:
        raise SystemExit(f"gateway: {certificate} and {key} cannot sign: {e}") from e


@dataclass(frozen=True)
class Signers:
    """Who has signed here so far: by them files are known again after a certificate was replaced."""

    anchors: str
    """PEM."""
    serials: frozenset[str]
    """Numbers of the certificates that signed, in decimal."""


def known_signers(folder: Path, credential: Credential) -> Signers:
    """All signers that ``folder`` remembers, the current one among them. Raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "signers.pem"
    kept = path.read_bytes() if path.exists() else b""
    leaf = _pem_of(_certificates(credential.chain)[0])
    if leaf not in kept:
        kept += leaf + credential.anchor
        _write(path, kept)
    pairs = _certificates(kept)
    anchors = dict.fromkeys(_pem_of(c).decode() for c in pairs[1::2])
    return Signers("".join(anchors), frozenset(str(c.serial_number) for c in pairs[::2]))


def due(credential: Credential, now: dt.datetime | None = None) -> bool:
    """Whether it ends within ``RENEW_DAYS``."""
    return credential.ends - (now or dt.datetime.now(dt.UTC)) < dt.timedelta(days=RENEW_DAYS)


def _checked(chain: bytes, secret: bytes, *, is_own: bool) -> Credential:
    """Raises ``ValueError`` with the reason when they do not fit each other or C2PA."""
    certificates = _certificates(chain)
    leaf, key = certificates[0], _private(secret)
    if key.public_key() != leaf.public_key():
        raise ValueError("the key is not that of the first certificate")
    for child, parent in itertools.pairwise(certificates):
        try:
            child.verify_directly_issued_by(parent)
        except (ValueError, TypeError, InvalidSignature):
            raise ValueError("the certificates do not follow each other, leaf first") from None
    now = dt.datetime.now(dt.UTC)
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        raise ValueError(f"the certificate is good from {leaf.not_valid_before_utc} to {leaf.not_valid_after_utc}")
    if len(certificates) < 2 or leaf.subject == leaf.issuer:
        raise ValueError("C2PA wants a certificate that another one signed, and that one in the same file after it")
    _check_uses(leaf)
    return Credential(_algorithm(key), chain, _pem(key), _pem_of(certificates[-1]), is_own, leaf.not_valid_after_utc)


def _certificates(chain: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(chain)
    except ValueError:
        raise ValueError("the certificate file is not PEM") from None


def _private(secret: bytes) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(secret, None)
    except (ValueError, TypeError):
        raise ValueError("the key file is not a PEM key without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the key is neither EC, Ed25519 nor RSA")
    return key


def _algorithm(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < 2048:
            raise ValueError("an RSA key needs 2048 bits")
        return "ps256"
    if key.curve.name not in _CURVES:
        raise ValueError("an EC key must be on P-256 or P-384")
    return _CURVES[key.curve.name][0]


def _check_uses(leaf: x509.Certificate) -> None:
    try:
        signs = leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
        uses = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        raise ValueError("the certificate does not say what its key is for") from None
    if not signs or not uses & _USES:
        raise ValueError("the certificate is not for signing mail, documents or C2PA claims")


def _own(folder: Path) -> Credential:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    root_file, leaf_file = folder / "root.pem", folder / "leaf.pem"
    try:
        if not root_file.exists():
            _write(root_file, _new_root())
            log.info("a root certificate was made", extra={"file": str(root_file)})
        root = root_file.read_bytes()
        if leaf_file.exists():
            found = _read_own(leaf_file, root)
            if found and not due(found):
                return found
        _write(leaf_file, _new_leaf(root))
        log.info("a certificate that signs was made", extra={"file": str(leaf_file)})
        made = _read_own(leaf_file, root)
        assert made is not None
        return made
    except (OSError, ValueError) as e:
        why = e.strerror if isinstance(e, OSError) else e
        raise SystemExit(f"gateway: the certificates in {folder} cannot be used: {why}") from e


def _read_own(leaf_file: Path, root: bytes) -> Credential | None:
    """The kept leaf; None where it has ended, is broken, or belongs to another root."""
    kept = leaf_file.read_bytes()
    try:
        chain = b"".join(_pem_of(c) for c in (*_certificates(kept)[:1], *_certificates(root)[:1]))
        return _checked(chain, kept, is_own=True)
    except ValueError:
        return None


def _new_root() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Huasheng installation {secrets.token_hex(4)}")
    builder = _builder(name, name, key, ROOT_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return _pem_of(builder.sign(key, hashes.SHA256())) + _pem(key)


def _new_leaf(root: bytes) -> bytes:
    issuer, issuer_key = _certificates(root)[0], _private(root)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name("Huasheng media"), issuer.subject, key, LEAF_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(known, critical=False)
    return _pem_of(builder.sign(issuer_key, hashes.SHA256())) + _pem(key)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Huasheng"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(path: Path, data: bytes) -> None:
    """Whole on disk before it has its name, readable by its owner only."""
    part = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
