"""The tests of the orders: the mail is sent by another process, and waited for here."""


def test_an_order_is_confirmed(confirm, mailtrap):
    confirm(1, "bob@example.com")

    message = mailtrap.wait_for(to="bob@example.com", subject="Order 1")

    assert message.message_id == "order-1@example.com"


def test_a_busy_mailbox_is_tried_again(confirm, mailtrap):
    busy = mailtrap.sequence(["450"])
    mailtrap.expect.delivered_once(subject="Order 2")
    mailtrap.expect.retried(after="4xx", at_most=1)

    confirm(2, "bob@example.com")

    mailtrap.wait_for(subject="Order 2")
    assert busy.left == 0


def test_a_reply_that_is_lost_makes_a_duplicate_that_can_be_told(confirm, mailtrap):
    mailtrap.rule(at="message", times=1).lose_reply()

    confirm(3, "bob@example.com")

    first, second = mailtrap.wait_for_all(2, subject="Order 3")
    assert first.message_id == second.message_id
