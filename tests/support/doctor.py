"""What ``kraken-history doctor`` finds, for tests; and a ledger that is spoiled for it."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from tests.support.command_line import Kraken


def findings(kraken: Kraken, *words: object, code: int = 0) -> dict[str, tuple[str, str]]:
    """Status and message of every check."""
    document = kraken("doctor", "--json", *words, code=code).json
    assert document["ok"] == (code == 0)
    return {check["name"]: (check["status"], check["message"]) for check in document["checks"]}


def the_one_that_is_not_well(kraken: Kraken, *words: object, code: int = 0) -> tuple[str, str, str]:
    [found] = [(name, *rest) for name, rest in findings(kraken, *words, code=code).items() if rest[0] != "ok"]
    assert "\n" not in found[2]
    return found


def change(kraken: Kraken, statement: str) -> None:
    """Spoil the ledger."""
    engine = create_engine(f"sqlite:///{kraken.home / 'ledger.db'}")
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount
    engine.dispose()
