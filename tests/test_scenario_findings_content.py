"""The octets of a message: contents that show each finding, and contents that do not."""

from __future__ import annotations

import pytest

from tests.recorded import Recording

FIELDS = "From: a@x|Date: Mon, 1 Jun 2026 10:00:00 +0000|Message-ID: <1@x>"
GOOD = f"D: {FIELDS}||Hello|"


def sent(content: str, parameters: str = "", *, reply: str = "S: 250 Ok", ending: str = "quit") -> Recording:
    return Recording().session(
        "S: 220 mx.example ready\nC: EHLO client.example\n"
        "S: 250-mx.example | 250-SIZE | 250-8BITMIME | 250 SMTPUTF8\n"
        f"C: MAIL FROM:<a@x.y>{parameters}\nS: 250 Ok\nC: RCPT TO:<b@x.y>\nS: 250 Ok\nC: DATA\nS: 354 Go on\n"
        f"{content}\n{reply}",
        ending,
    )


def test_a_good_message_has_no_findings() -> None:
    assert sent(GOOD, f" SIZE={len(FIELDS) - FIELDS.count('|') + 2 * FIELDS.count('|') + 11}").findings() == {}
    assert sent(f"D: {FIELDS}|Content-Type: text/plain; charset=utf-8||é|", " BODY=8BITMIME").findings() == {}
    assert sent(f"D: {FIELDS}|Subject: é||.|..||x|", " BODY=8BITMIME SMTPUTF8").findings() == {}


def test_what_is_no_text_has_no_lines() -> None:
    content = f"D: {FIELDS}|Content-Type: image/png||é\\n.\\n\\r\\0{'x' * 2000}|"

    assert sent(content, " BODY=BINARYMIME").findings() == {}
    assert len(sent(content).findings()) == 6


@pytest.mark.parametrize(
    ("kind", "content", "detail"),
    [
        ("bare-lf", f"D: {FIELDS}||one\\ntwo\\n|", ": 2 times"),
        ("bare-cr", f"D: {FIELDS}||one\\rtwo|", ": 1 times"),
        ("smuggling", f"D: {FIELDS}||one\\n.\\nMAIL FROM:<x@y>|", ""),
        ("smuggling", f"D: {FIELDS}||one\\n.|MAIL FROM:<x@y>|", ""),
        ("smuggling", f"D: {FIELDS}||one\\r.\\rMAIL FROM:<x@y>|", ""),
        ("dot-not-doubled", f"E: {FIELDS}||one|two|", ": 1 times"),
        ("line-too-long", f"D: {FIELDS}||{'x' * 999}|", ": the longest has 999"),
        ("line-too-long", f"D: {FIELDS}||{'x' * 1200}", ": the longest has 1200"),
        ("control-characters", f"D: {FIELDS}||a\\0b\x1b|", ": 0x00, 0x1B"),
        ("eight-bit-not-declared", f"D: {FIELDS}||é|", ""),
        ("eight-bit-header", f"D: {FIELDS}|Subject: é||Hello|", ""),
        ("charset-not-declared", f"D: {FIELDS}||é|", ""),
        ("empty-message", "D: ", ""),
        ("no-message-id", "D: From: a@x|Date: now||Hello|", ""),
        ("no-message-id", "D: From: a@x|Date: now|Message-ID: ||Hello|", ""),
        ("no-date", "D: From: a@x|Message-ID: <1@x>||Hello|", ""),
        ("no-from", "D: Date: now|Message-ID: <1@x>||Hello|", ""),
        ("bcc-left", f"D: {FIELDS}|Bcc: cyd@x||Hello|", ": cyd@x"),
        ("field-repeated", f"D: {FIELDS}|Subject: a|subject: b||Hello|", ": subject (2 times)"),
        ("broken-header", f"D: {FIELDS}|Hello there|Subject: x||Hello|", ": 'Hello there'"),
        ("broken-header", "D: Hello|", ": 'Hello'"),
    ],
)
def test_what_a_content_shows(kind: str, content: str, detail: str) -> None:
    finding = sent(content).findings()[kind]

    assert finding.lines == (10,)
    assert finding.text.endswith(detail)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("bare-lf", GOOD),
        ("bare-cr", GOOD),
        ("smuggling", f"D: {FIELDS}||one\\n.two\\n|"),
        ("smuggling", f"D: {FIELDS}||.|..|"),
        ("dot-not-doubled", f"D: {FIELDS}||.one|..two|"),
        ("dot-not-doubled", "D: .|"),
        ("line-too-long", f"D: {FIELDS}||{'x' * 998}|{'x' * 998}|"),
        ("control-characters", f"D: {FIELDS}||a\tb|"),
        ("charset-not-declared", f"D: {FIELDS}|Content-Type: text/plain||é|"),
        ("empty-message", "D: |"),
        ("bcc-left", f"D: {FIELDS}|Bcc:||Hello|"),
        ("field-repeated", f"D: {FIELDS}|Received: a|Received: b||Hello|"),
        ("broken-header", f"D: {FIELDS}|Subject: one| two|\tthree||no field|"),
        ("broken-header", "D: |no header section|"),
        ("no-message-id", "K: From: a@x|Da"),
        ("broken-header", "K: From: a@x|Da"),
    ],
)
def test_what_a_content_does_not_show(kind: str, content: str) -> None:
    cut_off = content.startswith("K")
    run = sent(content, reply="", ending="client-closed") if cut_off else sent(content)

    assert kind not in run.findings()


def test_size_not_the_size() -> None:
    assert sent("D: 12345|", " SIZE=5").findings()["size-not-the-size"].text.endswith(": SIZE=5, and 7 octets came")
    assert "size-not-the-size" not in sent("D: 12345|", " SIZE=7").findings()
    assert "size-not-the-size" not in sent("D: 12345|").findings()
    assert "size-not-the-size" not in sent("K: 12345|", " SIZE=900", reply="", ending="client-closed").findings()


def test_content_cut_off() -> None:
    finding = sent(f"K: {FIELDS}||.Hel", reply="", ending="client-reset").findings()["content-cut-off"]
    assert finding.text.endswith("octets")
    assert finding.lines == (10,)
    whole_but_unanswered = sent(f"D: {FIELDS}||.Hello|", reply="", ending="client-reset")
    assert "content-cut-off" not in whole_but_unanswered.findings()
    refused = sent(f"D: {FIELDS}||Hello|", reply="S: 550 No")
    assert "content-cut-off" not in refused.findings()


def test_a_refused_content_is_looked_at_too() -> None:
    assert sent(f"D: {FIELDS}||one\\n|", reply="S: 550 No").findings()["bare-lf"].lines == (10,)


def test_several_messages_make_one_finding() -> None:
    told = "\n".join(
        [
            "S: 220 mx.example ready\nC: EHLO client.example\nS: 250 mx.example",
            *(
                f"C: MAIL FROM:<a@x.y>\nS: 250 Ok\nC: RCPT TO:<b@x.y>\nS: 250 Ok\nC: DATA\nS: 354 Go on\n"
                f"D: {FIELDS}|Bcc: {name}@x||Hi {name}|\nS: 250 Ok"
                for name in ("cyd", "dan", "eve", "fay", "cyd")
            ),
            "C: QUIT\nS: 221 Bye",
        ]
    )

    finding = Recording().session(told).findings()["bcc-left"]

    assert finding.lines == (10, 18, 26, 34, 42)
    assert finding.text.endswith(": cyd@x, dan@x, eve@x, …")


def test_a_lone_dot_for_nobody_is_no_message() -> None:
    for_nobody = "S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@x>\nS: 550 No\n"
    for_nobody += "C: DATA\nS: 354 Go on\nD: \nS: 554 No valid recipients\nC: QUIT\nS: 221 Bye"
    assert "empty-message" not in Recording().session(for_nobody).findings()
