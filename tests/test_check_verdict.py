"""What is thought of an answer."""

from __future__ import annotations

import pytest

from mailtrap_py.check.model import Status, Step
from mailtrap_py.check.verdict import Asked, judge
from mailtrap_py.check.wire import Answer


def judged(*lines: bytes, expect: int = 2, unasked: tuple[str, ...] = (), odd: tuple[str, ...] = ()) -> Step:
    answer = Answer(lines, 0.1, int(lines[-1][:3]), odd=odd)
    asked = Asked(name="MAIL", said="MAIL FROM:<>", expect=expect, excused={530: "no --user"}, unasked=unasked)
    return judge(asked, answer)


@pytest.mark.parametrize(
    ("line", "expect", "status", "verdict"),
    [
        (b"220 mx ESMTP", 2, Status.OK, "220: ready"),
        (b"250 2.1.0 Ok", 2, Status.OK, "250 2.1.0: accepted"),
        (b"299 fine", 2, Status.OK, "299: accepted"),
        (b"354 go", 3, Status.OK, "354: send the message"),
        (b"421 4.7.0 busy", 2, Status.FAILED, "421 4.7.0: try later"),
        (b"535 5.7.8 no", 2, Status.FAILED, "535 5.7.8: credentials"),
        (b"250 ok", 3, Status.FAILED, "250: accepted"),
        (b"530 5.7.0 first", 2, Status.NOTE, "530 5.7.0: login or TLS required"),
    ],
)
def test_the_first_digit_decides(line: bytes, expect: int, status: Status, verdict: str) -> None:
    step = judged(line, expect=expect)

    assert (step.status, step.verdict) == (status, verdict)
    assert step.code == int(line[:3])
    assert step.seconds == 0.1


def test_a_refusal_comes_with_advice() -> None:
    assert judged(b"535 5.7.8 no").do.startswith("Correct the credentials")
    assert judged(b"250 ok").do == ""


def test_the_wrong_kind_of_success_is_told() -> None:
    assert judged(b"250 ok", expect=3).why == "a reply to this has to begin with 3"


def test_what_is_excused_is_told_why() -> None:
    assert judged(b"530 first").why == "no --user"


def test_oddities_are_notes() -> None:
    step = judged(b"250 ok", odd=("LF alone",), unasked=("250 one", "250 two"))

    assert step.status is Status.NOTE
    assert step.notes == ("LF alone", "before it the server said what nobody had asked for: 250 one / 250 two")


def test_no_reply_is_a_failure_in_its_own_words() -> None:
    step = judge(Asked(name="MAIL"), Answer((b"25",), 0.1, problem="cut off"))

    assert (step.status, step.verdict, step.enhanced, step.do) == (Status.FAILED, "cut off", "", "")


@pytest.mark.parametrize(
    ("answer", "do"),
    [
        (Answer((), 0.1, problem="no reply"), "try TLS"),
        (Answer((), 0.1, problem="closed", ended=True), ""),
        (Answer((b"25",), 0.1, problem="cut off"), ""),
    ],
)
def test_silence_may_have_a_cure(answer: Answer, do: str) -> None:
    assert judge(Asked(name="greeting", cure="try TLS"), answer).do == do


def test_the_enhanced_code_is_kept() -> None:
    assert judged(b"550-5.7.26 one", b"550 two").enhanced == "5.7.26"
