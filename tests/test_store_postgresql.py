"""What is PostgreSQL's alone: what is refused, and what happens when it is not there or goes away."""

from __future__ import annotations

import asyncio
import builtins
import sys
import threading
from contextlib import closing
from types import ModuleType

import pytest
from sqlalchemy import create_engine, make_url, text

from mailtrap_py.errors import SettingError
from mailtrap_py.store import Query, Store
from mailtrap_py.store.database import BusyError, Database
from mailtrap_py.store.schema import VERSION
from tests.postgresql import Databases
from tests.test_store_texts import found, mail


def execute(url: str, *statements: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with closing(engine.connect()) as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def refusal(url: str) -> SettingError:
    with pytest.raises(SettingError) as caught:
        Database(url)
    return caught.value


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **more: object) -> ModuleType:
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError(name)
        return real(name, *args, **more)  # type: ignore[arg-type]  # passed on

    for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    problem = refusal("postgresql://mail@/mail")
    assert problem.problem == "a store in PostgreSQL needs psycopg, which is not installed"
    assert problem.cure == "install it: pip install 'mailtrap_py[postgres]'"


def test_a_server_that_is_not_there_is_refused_without_the_password() -> None:
    problem = refusal("postgresql://mail:secret@/mail?host=/nowhere").problem
    assert problem.startswith("postgresql://mail:***@/mail?host=%2Fnowhere cannot be opened as a store: connection")
    assert "secret" not in problem


@pytest.mark.slow
class TestServer:
    """With a real server."""

    def test_the_database_of_another_program_is_refused(self, postgresql: Databases) -> None:
        url = postgresql()
        execute(url, "CREATE TABLE messages (body TEXT)")
        assert refusal(url).problem.endswith("is the database of another program")

    def test_a_newer_record_is_refused(self, postgresql: Databases) -> None:
        url = postgresql()
        Database(url).close()
        execute(url, f"UPDATE mailtrap_py SET version = {VERSION + 1}")
        assert "was written by a newer mailtrap_py" in refusal(url).problem

    def test_a_record_is_there_again(self, postgresql: Databases) -> None:
        url = postgresql()
        for number in range(2):
            with closing(Store(url)) as store:
                store.add(mail(number, "apple"))
        with closing(Store(url)) as store:
            assert found(store, "apple") == ["1", "0"]

    def test_many_may_create_the_same_tables_at_once(self, postgresql: Databases) -> None:
        url = postgresql()
        start = threading.Barrier(4)
        failures: list[BaseException] = []

        def create() -> None:
            start.wait()
            try:
                Database(url).close()
            except BaseException as error:  # noqa: BLE001 - a thread's own; the test looks at it
                failures.append(error)

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []

    def test_where_the_extension_may_not_be_made_all_is_looked_through(
        self, postgresql: Databases, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = postgresql()
        name = make_url(url).database
        execute(url, "CREATE ROLE poor LOGIN", f"REVOKE CREATE ON DATABASE {name} FROM PUBLIC")
        execute(url, "GRANT CREATE ON SCHEMA public TO poor")
        with closing(Store(url.replace("//mail@", "//poor@"))) as store:
            assert "there is no pg_trgm" in caplog.text
            for number in range(150):
                store.add(mail(number, "apple"))
            assert store.messages(Query(text="APPLE"), limit=0).total == 150

    def test_a_lost_connection_fails_what_was_under_way_and_is_made_again(self, postgresql: Databases) -> None:
        url = postgresql()

        async def commit(store: Store, *ids: str) -> list[object]:
            waiting = [store.commit(mail(int(name), "apple")) for name in ids]
            return await asyncio.gather(*waiting, return_exceptions=True)

        with closing(Store(url)) as store:
            assert asyncio.run(commit(store, "1")) == [None]
            execute(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            outcomes = asyncio.run(commit(store, "2", "3"))
            assert [type(outcome) for outcome in outcomes] == [BusyError, BusyError]
            assert asyncio.run(commit(store, "4")) == [None]
            assert [message.id for message in store.messages().items] == ["4", "1"]
            assert store.raw("1") is not None
