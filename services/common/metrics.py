"""All Prometheus metrics that more than one service uses, declared once."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.7, 1, 1.5, 2, 3, 5, 8, 13, 30, 60, 180, 600)

RPC_SECONDS = Histogram("huasheng_rpc_seconds", "Length of gRPC calls", ["service", "method", "code"], buckets=_SECONDS)
RPC_ACTIVE = Gauge("huasheng_rpc_active", "gRPC calls at work", ["service", "method"])
ERRORS = Counter("huasheng_errors_total", "Failures by reason", ["service", "reason"])
STAGE_SECONDS = Histogram(
    "huasheng_stage_seconds",
    "Latency of each stage of a turn: asr_final, llm_first_token, tts_first_audio, render_first_frame, turn, ...",
    ["stage"],
    buckets=_SECONDS,
)
FALLBACKS = Counter("huasheng_fallbacks_total", "An engine was replaced by another", ["service", "wanted", "used"])
LLM_TOKENS = Counter("huasheng_llm_tokens_total", "Tokens that providers report", ["engine", "model", "kind"])
LLM_UNCOUNTED = Counter(
    "huasheng_llm_uncounted_total", "Answers without token counts: not reported, or broken off", ["engine", "model"]
)
RENDER_FPS = Gauge("huasheng_render_frames_per_second", "Frames drawn per second in the last rendering", ["engine"])
RENDER_FRAMES = Counter("huasheng_render_frames_total", "Frames drawn", ["engine"])
COPIES = Counter("huasheng_storage_copies_total", "Copies of a bucket's files: there, fetched, evicted", ["result"])
JOBS = Gauge("huasheng_jobs", "Jobs by kind and state", ["kind", "state"])
QUEUE_DEPTH = Gauge("huasheng_queue_depth", "Jobs waiting", ["queue"])
JOB_SECONDS = Histogram("huasheng_job_seconds", "Length of finished jobs", ["kind", "state"], buckets=_SECONDS)
TTS_CACHE = Counter("huasheng_tts_cache_total", "Stretches of speech looked for among those made before", ["result"])
TTS_CACHE_BYTES = Gauge("huasheng_tts_cache_bytes", "Memory that speech made before takes")
TTS_PREPARED = Counter("huasheng_tts_prepared_total", "Texts prepared for later", ["result"])
ENGINE_LOADED = Gauge("huasheng_engine_loaded", "1 when the engine's weights are in memory", ["service", "engine"])
