"""The mechanisms of AUTH as conversations, by the examples of their descriptions."""

from __future__ import annotations

import base64
import hmac

import pytest

from mailtrap_py.smtp.sasl import MECHANISMS, BadResponse, Claim, user_of

BEARER = b"vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg=="


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def claim(mechanism: str, initial: bytes | None, *responses: bytes) -> tuple[list[bytes], Claim]:
    """Hold an exchange to its end; give the challenges and the claim."""
    exchange = MECHANISMS[mechanism](initial)
    challenges: list[bytes] = []
    try:
        challenges.append(next(exchange))
        for response in responses:
            challenges.append(exchange.send(response))  # noqa: PERF401 - in a generator the end would be an error
    except StopIteration as done:
        made: Claim = done.value
        return challenges, made
    raise AssertionError(f"it wants more: {challenges}")


@pytest.mark.parametrize(
    ("mechanism", "initial", "responses", "challenges"),
    [
        ("PLAIN", b"\0ann\0secret", (), []),
        ("PLAIN", b"boss\0ann\0secret", (), []),
        ("PLAIN", None, (b"\0ann\0secret",), [b""]),
        ("LOGIN", None, (b"ann", b"secret"), [b"Username:", b"Password:"]),
        ("LOGIN", b"ann", (b"secret",), [b"Password:"]),
        ("XOAUTH2", b"user=ann\x01auth=Bearer secret\x01\x01", (), []),
        ("XOAUTH2", None, (b"user=ann\x01auth=bearer secret\x01\x01",), [b""]),
        ("OAUTHBEARER", b"n,a=ann,\x01host=x\x01port=587\x01auth=Bearer secret\x01\x01", (), []),
        ("OAUTHBEARER", None, (b"y,a=ann,\x01auth=Bearer secret\x01qs=1\x01\x01",), [b""]),
    ],
)
def test_who_knows_the_password_proves_it(
    mechanism: str, initial: bytes | None, responses: tuple[bytes, ...], challenges: list[bytes]
) -> None:
    asked, made = claim(mechanism, initial, *responses)

    assert (asked, made.user) == (challenges, "ann")
    assert [made.proves(password) for password in ("secret", "", "Secret", "secre\u00e9")] == [
        True,
        False,
        False,
        False,
    ]
    assert bool(made.refusal) is (mechanism in {"XOAUTH2", "OAUTHBEARER"})


def test_the_example_of_rfc_7628() -> None:
    example = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer " + BEARER + b"\x01\x01"

    _, made = claim("OAUTHBEARER", example)

    assert (made.user, made.proves(BEARER.decode())) == ("user@example.com", True)


def test_cram_md5_signs_its_challenge() -> None:
    exchange = MECHANISMS["CRAM-MD5"](None)
    asked = next(exchange)
    # RFC 2195, section 3: the digest keyed with the shared secret, in lower case hexadecimal digits.
    digest = hmac.new(b"tanstaaftanstaaf", asked, "md5").hexdigest().encode()
    with pytest.raises(StopIteration) as done:
        exchange.send(b"tim smith " + digest)

    made: Claim = done.value.value
    assert made.user == "tim smith"
    assert [made.proves(secret) for secret in ("tanstaaftanstaaf", "other")] == [True, False]
    assert asked != next(MECHANISMS["CRAM-MD5"](None))
    assert (asked[:1], asked[-1:], b"@" in asked) == (b"<", b">", True)


@pytest.mark.parametrize(
    ("mechanism", "initial", "response"),
    [
        ("PLAIN", b"ann", b""),
        ("PLAIN", b"", b""),
        ("PLAIN", None, b"\0ann\0sec\0ret"),
        ("PLAIN", None, b"ann\0\0secret"),
        ("CRAM-MD5", b"", b""),
        ("CRAM-MD5", None, b"0123456789abcdef"),
        ("CRAM-MD5", None, b" 0123456789abcdef"),
        ("XOAUTH2", b"user=ann\x01auth=Bearer secret", b""),
        ("XOAUTH2", None, b"user=\x01auth=Bearer secret\x01\x01"),
        ("OAUTHBEARER", b"n,a=ann,\x01host=x\x01\x01", b""),
        ("OAUTHBEARER", None, b"p=tls-unique,,\x01auth=Bearer secret\x01\x01"),
    ],
)
def test_what_a_mechanism_does_not_allow(mechanism: str, initial: bytes | None, response: bytes) -> None:
    with pytest.raises(BadResponse, match=r"auth value|initial response"):
        claim(mechanism, initial, response)


@pytest.mark.parametrize(
    ("mechanism", "response", "user"),
    [
        ("PLAIN", b64(b"\0ann\0secret"), "ann"),
        ("PLAIN", b64(b"boss\0ann\0secret"), "ann"),
        ("PLAIN", b64("\0j\u00f6rg\0x".encode()), "j\u00f6rg"),
        ("PLAIN", b64(b"\0\xff\0"), "\ufffd"),
        ("PLAIN", b64(b"ann"), ""),
        ("PLAIN", b64(b"\0ann\0sec\0ret"), ""),
        ("PLAIN", "", ""),
        ("PLAIN", "=", ""),
        ("PLAIN", "!!!!", ""),
        ("PLAIN", "\udcff", ""),
        ("LOGIN", b64(b"ann"), "ann"),
        ("LOGIN", "*", ""),
        ("CRAM-MD5", b64(b"ann 0123456789abcdef"), "ann"),
        ("XOAUTH2", b64(b"user=ann\x01auth=Bearer t\x01\x01"), "ann"),
        ("XOAUTH2", b64(b"auth=Bearer t\x01\x01"), ""),
        ("OAUTHBEARER", b64(b"n,a=a=2Cb=3Dc,\x01auth=Bearer t\x01\x01"), "a,b=c"),
        ("OAUTHBEARER", b64(b"n,,\x01auth=Bearer t\x01\x01"), ""),
        ("", b64(b"ann"), ""),
    ],
)
def test_the_name_is_read_where_the_mechanism_shows_it(mechanism: str, response: str, user: str) -> None:
    assert user_of(mechanism, response, first=True) == user


def test_the_second_response_of_login_is_the_password() -> None:
    assert user_of("LOGIN", b64(b"secret"), first=False) == ""
