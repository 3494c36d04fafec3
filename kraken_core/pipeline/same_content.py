"""Same content: of two pairs' files with the same bytes, one is not what its name says (domain rule 5).

Nobody knows which. The one that was read first keeps its candles, and what it alone shows is doubtful; the other is
refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kraken_core.domain.errors import BadFileError
from kraken_core.domain.identities import Identities
from kraken_core.domain.jobs import FileIngestionRecord
from kraken_core.domain.market import Pair, Series
from kraken_core.pipeline.batches import BatchFile, BatchReceipt, FileReceipt, failure
from kraken_core.ports import ClaimLedger

_Place = tuple[str, str]  # archive and member: all series of a file of trades have one


@dataclass(frozen=True, slots=True)
class ContentNames:
    """Which pairs' files had which content, whatever batch brought it: for the one who takes in what workers read.

    ``identities`` are read when two pairs have one content: an asset that was renamed may, under its names.
    """

    ledger: ClaimLedger
    identities: Callable[[], Identities]
    _pairs: defaultdict[str, set[Pair]]
    _read: dict[str, FileIngestionRecord] = field(default_factory=dict)  # the files that the ledger may not have yet
    _noted: set[tuple[Pair, Pair]] = field(default_factory=set)

    @classmethod
    def of(
        cls, ledger: ClaimLedger, identities: Callable[[], Identities], known: Mapping[Series, Iterable[str]]
    ) -> ContentNames:
        """As they were read before; ``known`` are the contents of each series."""
        pairs: defaultdict[str, set[Pair]] = defaultdict(set)
        for series, contents in known.items():
            for content in contents:
                pairs[content].add(series.pair)
        return cls(ledger, identities, pairs)

    def refused(self, batch: Sequence[BatchFile], receipt: BatchReceipt) -> list[FileReceipt]:
        """The receipts of files that have another pair's content. Where there are none, the batch's contents count.

        Where there are, nothing that was staged of the batch may be used: its other files have to be read again.
        """
        new: dict[str, FileIngestionRecord] = {}
        firsts: dict[_Place, tuple[FileIngestionRecord, FileIngestionRecord]] = {}
        for record in (file.record for file in receipt.files if file.distinctive):
            if first := self._of_another(record, new.get(record.content_hash)):
                firsts[record.path, record.member] = first, record
            else:
                new.setdefault(record.content_hash, record)
        if not firsts:
            for content, record in new.items():
                self._pairs[content].add(record.series.pair)
                self._read.setdefault(content, record)
        return [self._refusal(item, *firsts[place]) for item in batch if (place := _place(item)) in firsts]

    def _of_another(
        self, record: FileIngestionRecord, beside: FileIngestionRecord | None
    ) -> FileIngestionRecord | None:
        """The file that had this content first, where it is another asset's; ``beside`` is one of the same batch."""
        pair, content = record.series.pair, record.content_hash
        before = self._pairs.get(content, set())
        pairs = before | {beside.series.pair} if beside else before
        if not pairs or pair in pairs or any(self.identities().one_asset(pair, each) for each in pairs):
            return None
        return beside or self._read.get(content) or next(iter(self.ledger.files_with_content(content, before)), None)

    def _refusal(self, item: BatchFile, first: FileIngestionRecord, record: FileIngestionRecord) -> FileReceipt:
        reason = (
            f"it has the same content as {first.member} in {first.path}, which was read before, so one of the two is "
            "not what its name says: compare both with what the exchange publishes, and get that archive again"
        )
        refusal = failure(item, BadFileError(reason))
        pair, other = record.series.pair, first.series.pair
        note = ""
        if (pair, other) not in self._noted:
            self._noted.add((pair, other))
            note = (
                f"{record.member} in {record.path} has the same content as {first.member} in {first.path}: files of "
                f"{pair} like it were not used, and what the others show of {other} counts as doubtful until another "
                "source agrees"
            )
        return refusal._replace(
            record=replace(refusal.record, content_hash=record.content_hash), note=note, refused=True
        )


def read_again(batch: Sequence[BatchFile], refused: Sequence[FileReceipt]) -> list[tuple[BatchFile, ...]]:
    """What of a batch has to be read again as files of it were refused: a batch of the others, if there are any."""
    gone = {(file.record.path, file.record.member) for file in refused}
    left = tuple(item for item in batch if _place(item) not in gone)
    return [left] if gone and left else []


def _place(item: BatchFile) -> _Place:
    return item.record.path, item.record.member
