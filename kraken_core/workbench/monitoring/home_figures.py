"""A home in figures, for monitoring: how complete, how fresh, and what its jobs did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kraken_core.domain.completeness import Completeness
from kraken_core.domain.interval_units import short
from kraken_core.domain.jobs import IngestionJob, JobStatus
from kraken_core.domain.metrics import Metric, MetricKind, Sample
from kraken_core.workbench.charts.totals import Totals
from kraken_core.workbench.live.state import LiveState
from kraken_core.workbench.watch.state import WatchState

_PREFIX = "kraken_history_"


@dataclass(frozen=True, slots=True)
class HomeFigures:
    """What the metrics are made of, as of ``now`` (epoch seconds).

    ``detected`` is the instant of the last detection, ``oldest`` the age (seconds) of the series whose coverage ends
    first: None where there is none. ``by_interval`` counts slots, ``gaps`` open gaps, both by minutes of an interval;
    ``jobs`` come newest first. ``watch`` and ``live`` are the newest ones, None where there never was one.
    """

    now: int
    detected: int | None
    oldest: int | None
    by_interval: Mapping[int, Completeness]
    gaps: Mapping[int, int]
    jobs: Sequence[IngestionJob]
    watch: WatchState | None
    live: LiveState | None

    @classmethod
    def of(  # noqa: PLR0917 - one of each kind
        cls,
        now: int,
        totals: Totals,
        ages: Iterable[int],
        jobs: Sequence[IngestionJob],
        watch: WatchState | None,
        live: LiveState | None,
    ) -> HomeFigures:
        """The figures of what a home has: ``ages`` are its series', in seconds."""
        gaps = Counter(totals.gaps["interval_minutes"].to_list())
        return cls(now, totals.as_of or None, max(ages, default=None), totals.by_interval, gaps, jobs, watch, live)

    def metrics(self) -> list[Metric]:
        """All there are, whether or not anything is known of each."""
        return [
            *self._of_completeness(),
            *self._of_freshness(),
            *self._of_jobs(),
            *self._of_watch(),
            *self._of_live(),
            _gauge("metrics_timestamp_seconds", "When these figures were read.", _one(self.now)),
        ]

    def _of_completeness(self) -> Iterator[Metric]:
        counts = {short(interval): found for interval, found in sorted(self.by_interval.items())}
        by_interval = {
            "completeness_ratio": ("Covered and not doubtful, of the candles expected, 0 to 1.", "completeness"),
            "expected_candles": ("Candles that a complete history has.", "wanted"),
            "covered_candles": ("Those of them that a source covers, traded or not.", "covered"),
            "missing_candles": ("Those of them that no source covers.", "missing"),
            "doubtful_candles": ("Covered ones whose evidence is doubtful: they are not complete.", "doubtful"),
        }
        for name, (meaning, attribute) in by_interval.items():
            yield _gauge(name, meaning, [Sample(getattr(c, attribute), {"interval": i}) for i, c in counts.items()])
        open_gaps = [Sample(self.gaps.get(interval, 0), {"interval": short(interval)}) for interval in self.by_interval]
        yield _gauge("gaps_open", "Ranges of missing candles that are not filled.", open_gaps)

    def _of_freshness(self) -> Iterator[Metric]:
        yield _gauge("detection_timestamp_seconds", "When gaps were detected last.", _one(self.detected))
        age = "How long ago the coverage of the oldest series ends; pairs that left the exchange do not age."
        yield _gauge("oldest_series_age_seconds", age, _one(self.oldest))

    def _of_jobs(self) -> Iterator[Metric]:
        last = self.jobs[0] if self.jobs else None
        states = [Sample(last.status is status, {"status": status.value}) for status in JobStatus] if last else []
        yield _gauge("last_job_status", "1 for the state of the newest job, 0 for each other.", states)
        began = last.started_at.timestamp() if last and last.started_at else None
        ended = last.finished_at.timestamp() if last and last.finished_at else None
        yield _gauge("last_job_started_timestamp_seconds", "When the newest job began.", _one(began))
        yield _gauge("last_job_finished_timestamp_seconds", "When it ended.", _one(ended))
        done = [j.finished_at.timestamp() for j in self.jobs if j.status is JobStatus.COMPLETED and j.finished_at]
        yield _gauge(
            "last_completed_job_timestamp_seconds", "When a job last completed.", _one(max(done, default=None))
        )
        for name, meaning, count in (
            ("jobs_total", "Jobs that were ever created.", len(self.jobs)),
            (
                "api_requests_total",
                "Requests to the exchange, of all jobs.",
                sum(j.metrics.requests for j in self.jobs),
            ),
            ("api_retries_total", "Those that were repeated.", sum(j.metrics.retries for j in self.jobs)),
        ):
            yield Metric(_PREFIX + name, MetricKind.COUNTER, meaning, _one(count))

    def _of_watch(self) -> Iterator[Metric]:
        watch = self.watch
        last = watch.rounds[0] if watch and watch.rounds else None
        yield _gauge("watch_alive", "Whether the watch of this home runs.", _one(watch.is_alive if watch else None))
        failed = _one(bool(last.failed) if last else None)
        yield _gauge("watch_last_round_failed", "Whether its last round failed.", failed)
        ended = _one(last.ended if last else None)
        yield _gauge("watch_last_round_timestamp_seconds", "When its last round ended.", ended)

    def _of_live(self) -> Iterator[Metric]:
        live = self.live
        waiting = sum(1 for pair in live.pairs if pair.waiting_since is not None) if live else 0
        is_open = "Its connections to the exchange's stream that are open."
        traded = "When the last trade happened that it received."
        yield _gauge("live_alive", "Whether the live history of this home runs.", _one(live.is_alive if live else None))
        yield _gauge("live_connections_open", is_open, _one(live.open_connections if live else None))
        expected = _one(live.connections if live else None)
        yield _gauge("live_connections_expected", "How many there are when all is well.", expected)
        ended, disconnects = "Connections that ended, or could not be opened.", live.disconnects if live else None
        yield Metric(_PREFIX + "live_disconnects_total", MetricKind.COUNTER, ended, _one(disconnects))
        yield _gauge("live_last_trade_timestamp_seconds", traded, _one(live.traded_at if live else None))
        yield _gauge("live_pairs_waiting", "Pairs that wait for missing trades.", _one(waiting if live else None))
        lags = {pair.pair: live.lag(pair, self.now) for pair in live.pairs} if live else {}
        of_pairs = [Sample(lag, {"pair": pair}) for pair, lag in lags.items() if lag is not None]
        yield _gauge("live_lag_seconds", "How long ago what is stored of a pair ends.", of_pairs)


def _gauge(name: str, meaning: str, samples: Sequence[Sample]) -> Metric:
    return Metric(_PREFIX + name, MetricKind.GAUGE, meaning, samples)


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [Sample(value)]
