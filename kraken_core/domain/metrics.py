"""Metrics in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n"})
_LABEL_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class MetricKind(StrEnum):
    """What a metric's values are: of now, or counted from the beginning on."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Sample(NamedTuple):
    """A value, and what it is of, by label."""

    value: float
    labels: Mapping[str, str] = {}


class Metric(NamedTuple):
    """A metric with its samples, of which there may be none: nothing is known of it yet."""

    name: str
    kind: MetricKind
    meaning: str
    samples: Sequence[Sample] = ()


def exposition(metrics: Iterable[Metric]) -> str:
    """Metrics as Prometheus reads them, from a server or a file."""
    return "".join(line for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    yield f"# HELP {metric.name} {metric.meaning.translate(_ESCAPED)}\n"
    yield f"# TYPE {metric.name} {metric.kind}\n"
    for value, labels in metric.samples:
        named = ",".join(f'{label}="{text.translate(_LABEL_ESCAPED)}"' for label, text in labels.items())
        yield f"{metric.name}{f'{{{named}}}' if named else ''} {float(value)!r}\n"
