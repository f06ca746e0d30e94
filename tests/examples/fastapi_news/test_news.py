"""The tests of the news: application and test are on one event loop, so the waits are awaited."""

import asyncio

import httpx
import pytest
from news import app, send


@pytest.fixture(autouse=True)
def _mail_server(mailtrap, monkeypatch):
    monkeypatch.setenv("SMTP_HOST", mailtrap.host)
    monkeypatch.setenv("SMTP_PORT", str(mailtrap.port))


@pytest.fixture
async def client():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://news") as client:
        yield client


async def test_who_subscribes_gets_the_news(client, mailtrap):
    answer = await client.post("/subscribe", json={"email": "bob@example.com"})
    assert answer.status_code == 202

    message = await mailtrap.async_.wait_for(to="bob@example.com", subject="The news")

    assert message.text.strip() == "There is none."


async def test_a_busy_mailbox_gets_them_once(mailtrap):
    busy = mailtrap.sequence(["450", "451"])
    mailtrap.expect.ends_with_quit()

    await send("bob@example.com")

    assert busy.left == 0
    assert mailtrap.transactions(to="bob@example.com").outcomes == ["rejected", "rejected", "accepted"]
    await mailtrap.async_.wait_for_all(1, header={"Message-ID": "*@example.com>"})


async def test_while_the_server_takes_its_time_the_loop_goes_on(mailtrap):
    barrier = mailtrap.hold("message")
    sending = asyncio.create_task(send("bob@example.com"))
    await asyncio.to_thread(barrier.wait)
    assert not sending.done()

    barrier.release()

    await sending
    assert len(mailtrap.messages) == 1
