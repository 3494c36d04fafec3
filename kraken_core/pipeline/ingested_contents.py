"""Contents are ingested once: of two files of a series with the same bytes, the second only claims (domain rule 5).

Workers are given what is known when they begin. Two of them may read copies side by side, so that whoever takes in what
they read decides which came first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kraken_core.domain.jobs import FileStatus
from kraken_core.domain.market import Series
from kraken_core.pipeline.batches import BatchFile, BatchReceipt, FileReceipt, brings

_Content = tuple[str, Series]


@dataclass(frozen=True, slots=True)
class IngestedContents:
    """The best rank at which contents were ingested, by series: before the job, and in it."""

    by_series: defaultdict[Series, dict[str, int]]
    _ranks: dict[_Content, int] = field(default_factory=dict)  # of what was read in the job

    @classmethod
    def of(cls, known: Mapping[_Content, int]) -> IngestedContents:
        """As the ledger knows them."""
        by_series: defaultdict[Series, dict[str, int]] = defaultdict(dict)
        for (content, series), rank in known.items():
            by_series[series][content] = rank
        return cls(by_series)

    def concerning(self, batch: Iterable[BatchFile]) -> dict[_Content, int]:
        """Those of the series of a batch: each task takes only these along."""
        series = {item.file.series for item in batch}
        return {(content, each): rank for each in series for content, rank in self.by_series.get(each, {}).items()}

    def once(self, receipt: BatchReceipt) -> BatchReceipt:
        """The receipt of a batch, in which files whose bytes the job has ingested already are SKIPPED."""
        return receipt._replace(files=tuple(map(self._once, receipt.files)))

    def _once(self, file: FileReceipt) -> FileReceipt:
        record = file.record
        if record.status is FileStatus.FAILED:
            return file
        content, known = (record.content_hash, record.series), self.by_series[record.series]
        before = self._ranks.get(content)
        self._ranks[content] = max(record.rank, before or 0)
        known[record.content_hash] = max(file.recorded.rank, known.get(record.content_hash, 0))
        if before is None:
            return file
        record = replace(record, status=FileStatus.SKIPPED)
        is_staged = file.staged and brings(before, record.rank)
        return file._replace(record=record, rejects=(), staged=is_staged, repeated=True)
