"""Counters for Prometheus, in its text format."""

from collections import Counter
from collections.abc import Iterable

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_NAMED = ("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/models", "/api/", "/health")


class Metrics:
    """What is counted. Paths are named by a short list, so that nobody can make it grow."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = self._audio = 0.0
        self._count = self._cancelled = 0

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        named = next((name for name in _NAMED if path.startswith(name)), "other")
        self._requests[named, status] += 1
        if named.startswith("/v1/audio"):
            self._count += 1
            self._seconds += seconds
            self._buckets.update(bound for bound in _BUCKETS if seconds <= bound)

    def processed(self, seconds: float) -> None:
        """Count seconds of sound that were transcribed."""
        self._audio += seconds

    def cancelled(self) -> None:
        """Count a client that left."""
        self._cancelled += 1

    def text(self, gauges: dict[str, float]) -> str:
        """Write everything; `gauges` are values of this moment by their names."""
        return "".join(f"{line}\n" for line in self._lines(gauges))

    def _lines(self, gauges: dict[str, float]) -> Iterable[str]:
        yield "# TYPE whisper_requests_total counter"
        for (path, status), count in sorted(self._requests.items()):
            yield f'whisper_requests_total{{path="{path}",status="{status}"}} {count}'
        yield "# TYPE whisper_request_seconds histogram"
        for bound in _BUCKETS:
            yield f'whisper_request_seconds_bucket{{le="{bound}"}} {self._buckets[bound]}'
        yield f'whisper_request_seconds_bucket{{le="+Inf"}} {self._count}'
        yield f"whisper_request_seconds_sum {self._seconds:.6f}"
        yield f"whisper_request_seconds_count {self._count}"
        for name, value in (("audio_seconds", self._audio), ("cancelled", self._cancelled)):
            yield f"# TYPE whisper_{name}_total counter"
            yield f"whisper_{name}_total {value:g}"
        for name, value in gauges.items():
            yield f"# TYPE whisper_{name} gauge"
            yield f"whisper_{name} {value:g}"
