"""What is refused of passkeys, with an authenticator made of software. The real browser is in tests/e2e."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.test import Client
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from crm.accounts.models import User
from crm.audit.models import Action, Entry
from tests.access.signing import (
    LOGIN,
    PASSWORD,
    SECOND,
    SECURITY,
    ann,
    confirm,
    is_in,
    post,
    root,
    signed_in,
)

pytestmark = pytest.mark.django_db

ADD = "/accounts/security/passkeys/add/"
PASSKEY = "/accounts/login/passkey/"
HERE = "https://testserver"
PRESENT, VERIFIED, ATTESTED = (
    AuthenticatorData.FLAG.UP,
    AuthenticatorData.FLAG.UV,
    AuthenticatorData.FLAG.AT,
)


@pytest.fixture(autouse=True)
def uncounted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


class SoftKey:
    """One credential: what an authenticator would sign, for whatever origin a test says."""

    def __init__(self, identity: bytes = b"credential-1") -> None:
        self.identity = identity
        self.key = ec.generate_private_key(ec.SECP256R1())

    def registers(self, challenge: str, origin: str = HERE, verified: bool = True) -> str:
        flags = PRESENT | ATTESTED | (VERIFIED if verified else AuthenticatorData.FLAG(0))
        public = ES256.from_cryptography_key(self.key.public_key())
        about = AttestedCredentialData.create(Aaguid.NONE, self.identity, public)
        data = AuthenticatorData.create(sha256(b"testserver"), flags, 1, about)
        said = CollectedClientData.create("webauthn.create", challenge, origin)
        answer = {
            "clientDataJSON": websafe_encode(said),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        return self._credential(answer)

    def signs(
        self,
        challenge: str,
        user: User,
        origin: str = HERE,
        site: str = "testserver",
        verified: bool = True,
    ) -> str:
        flags = PRESENT | (VERIFIED if verified else AuthenticatorData.FLAG(0))
        data = AuthenticatorData.create(sha256(site.encode()), flags, 2)
        said = CollectedClientData.create("webauthn.get", challenge, origin)
        signature = self.key.sign(bytes(data) + said.hash, ec.ECDSA(hashes.SHA256()))
        answer = {
            "clientDataJSON": websafe_encode(said),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(handle(user)),
        }
        return self._credential(answer)

    def _credential(self, answer: dict[str, str]) -> str:
        name = websafe_encode(self.identity)
        more = {"type": "public-key", "clientExtensionResults": {"credProps": {"rk": True}}}
        return json.dumps({"id": name, "rawId": name, "response": answer} | more)


def handle(user: User) -> bytes:
    from allauth.account.utils import user_pk_to_url_str

    return str(user_pk_to_url_str(user)).encode()


def challenge_of(answer: Any) -> str:
    """What a page, or the answer for a script, wants to have signed."""
    found = re.search(r'"challenge": ?"([^"]+)"', answer.content.decode())
    assert found
    return found[1]


def begun(client: Client) -> str:
    return challenge_of(client.get(PASSKEY, headers={"X-Requested-With": "XMLHttpRequest"}))


def with_passkey(user: User, key: SoftKey) -> None:
    client = signed_in(user)
    confirm(client)
    sent = {"name": "Phone", "credential": key.registers(challenge_of(client.get(ADD)))}
    answer = client.post(ADD, sent | {"passwordless": "on"})
    assert answer.status_code == 302, answer.content.decode()


def test_passkey_signs_in_alone(client: Client) -> None:
    user, key = ann(), SoftKey()
    with_passkey(user, key)
    answer = client.post(PASSKEY, {"credential": key.signs(begun(client), user)})
    assert answer["Location"] == "/"
    assert is_in(client)
    assert Entry.objects.filter(action=Action.SIGNED_IN).latest("pk").details == {
        "steps": ["webauthn"]
    }


def test_what_was_signed_once_signs_nobody_in_again(client: Client) -> None:
    user, key = ann(), SoftKey()
    with_passkey(user, key)
    said = key.signs(begun(client), user)
    client.post(PASSKEY, {"credential": said})
    client.post("/accounts/logout/")
    client.post(PASSKEY, {"credential": said})
    assert not is_in(client)
    other = Client()
    begun(other)
    other.post(PASSKEY, {"credential": said})
    assert not is_in(other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://testserver"},
        {"site": "evil.example"},
        {"verified": False},
    ],
    ids=str,
)
def test_passkey_of_another_site_or_of_nobody_verified_is_refused(
    client: Client, wrong: dict[str, Any]
) -> None:
    user, key = ann(), SoftKey()
    with_passkey(user, key)
    answer = client.post(PASSKEY, {"credential": key.signs(begun(client), user, **wrong)})
    assert answer["Location"] == LOGIN
    assert not is_in(client)


def test_passkey_of_one_user_signs_in_nobody_else(client: Client) -> None:
    user, other, key = ann(), root(), SoftKey()
    with_passkey(user, key)
    with_passkey(other, SoftKey(b"credential-2"))
    client.post(PASSKEY, {"credential": key.signs(begun(client), other)})
    assert not is_in(client)
    forged = SoftKey()
    client.post(PASSKEY, {"credential": forged.signs(begun(client), user)})
    assert not is_in(client)


@pytest.mark.parametrize(
    "sent", ["", "{}", "[]", "null", "not json", '{"id": "x"}', '{"response": 1}']
)
def test_nonsense_is_refused(client: Client, sent: str) -> None:
    ann()
    begun(client)
    assert client.post(PASSKEY, {"credential": sent})["Location"] == LOGIN
    assert not is_in(client)
    mine = signed_in(User.objects.get())
    confirm(mine)
    mine.get(ADD)
    assert mine.post(ADD, {"name": "x", "credential": sent}).status_code == 200
    assert not Authenticator.objects.exists()


def test_passkey_of_a_deactivated_user_is_refused(client: Client) -> None:
    user, key = ann(), SoftKey()
    with_passkey(user, key)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.post(PASSKEY, {"credential": key.signs(begun(client), user)})["Location"] == LOGIN
    assert not is_in(client)


def test_passkey_is_the_second_factor(client: Client) -> None:
    user, key = ann(), SoftKey()
    with_passkey(user, key)
    assert post(client, "ann", PASSWORD)["Location"].startswith(SECOND)
    page = client.get(SECOND)
    stranger = SoftKey()
    answer = client.post(SECOND, {"credential": stranger.signs(challenge_of(page), user)})
    assert answer.status_code == 200
    assert not is_in(client)
    answer = client.post(SECOND, {"credential": key.signs(challenge_of(answer), user)})
    assert answer["Location"] == "/"
    assert is_in(client)


def test_passkey_of_another_site_is_not_added() -> None:
    client = signed_in(ann())
    confirm(client)
    said = SoftKey().registers(challenge_of(client.get(ADD)), origin="https://evil.example")
    assert client.post(ADD, {"name": "x", "credential": said}).status_code == 200
    said = SoftKey().registers("c3RhbGU")
    assert client.post(ADD, {"name": "x", "credential": said}).status_code == 200
    assert not Authenticator.objects.exists()


def test_passkey_for_signing_in_alone_needs_a_verified_person() -> None:
    client = signed_in(ann())
    confirm(client)
    said = SoftKey().registers(challenge_of(client.get(ADD)), verified=False)
    sent = {"name": "x", "credential": said, "passwordless": "on"}
    assert client.post(ADD, sent).status_code == 200
    assert not Authenticator.objects.exists()


def test_passkey_of_somebody_else_is_neither_renamed_nor_removed() -> None:
    with_passkey(root(), SoftKey())
    row = Authenticator.objects.get(type="webauthn")
    client = signed_in(ann())
    confirm(client)
    for path in (f"{SECURITY}passkeys/{row.pk}/", f"{SECURITY}passkeys/{row.pk}/remove/"):
        assert client.get(path).status_code == 404
        assert client.post(path, {"name": "mine"}).status_code == 404
    row.refresh_from_db()
    assert row.data["name"] == "Phone"


def test_tries_of_one_address_are_counted() -> None:
    ann()
    client = Client()
    found = [client.post(PASSKEY, {"credential": "{}"}).status_code for _ in range(11)]
    assert found == [302] * 10 + [429]
