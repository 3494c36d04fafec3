"""The exchange's stream of trades: the adapter of the port :class:`~kraken_core.ports.TradeFeed`."""

from kraken_core.sources.stream.feed import FeedPace, KrakenFeed

__all__ = ["FeedPace", "KrakenFeed"]
