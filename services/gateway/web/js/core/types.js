// @ts-check
// Shapes of the API (docs/api.md), for the type checker only.

/** @typedef {{type?: string, title: string, status: number, detail: string, hint: string, reason: string, retryable?: boolean, request_id?: string, params?: Record<string, string>}} ProblemBody */
/** @typedef {"dialogue" | "video" | "avatar" | "training"} JobKind */
/** @typedef {"queued" | "running" | "succeeded" | "failed" | "cancelled"} JobState */
/** @typedef {Record<string, number>} Timings */
/** @typedef {{index: number, text: string, start_s: number, end_s: number}} Clause a stretch of speech, and when it sounds */
/** @typedef {{rate_hz: number, start_s: number, real: number[], before: number[], after: number[]}} Curve */
/** @typedef {{step: number, loss: number, validation_loss: number | null}} LossPoint */
/** @typedef {{step?: number, steps?: number, loss?: number, history?: LossPoint[], curve?: Curve, preview_url?: string, warnings?: string[], offset_ms?: number}} TrainingPartial */
/** @typedef {{service: "asr" | "llm" | "tts", wanted: string, used: string, reason: string, wanted_voice: string | null, used_voice: string | null}} Fallback an engine that was passed over */
/** @typedef {{transcript?: string, language?: string, reply?: string, clauses?: Clause[], fallbacks?: Fallback[], timings_ms?: Timings, start_frame?: number} & TrainingPartial} Partial_ */
/**
 * @typedef {object} Job
 * @property {string} id
 * @property {JobKind} kind
 * @property {JobState} state
 * @property {string} stage
 * @property {number} progress
 * @property {number | null} eta_s
 * @property {number | null} queue_position
 * @property {Record<string, any>} params
 * @property {Partial_ | null} partial
 * @property {Record<string, any> | null} result
 * @property {ProblemBody | null} error
 * @property {string} created_at
 * @property {string | null} started_at
 * @property {string | null} finished_at
 * @property {string | null} video_url
 * @property {boolean} [playable] set here: the first video bytes are there
 */
/** @typedef {{id: string, kind: "video" | "audio" | "image", name: string, bytes: number, duration_s: number | null, width: number | null, height: number | null, fps: number | null, silent?: boolean, has_audio?: boolean, url: string, created_at: string}} Asset */
/** @typedef {{face_fraction: number, face_width_px: number, mouth_coverage: number, warnings: string[], missing_shapes?: string[], covered_frames?: number, blurred_frames?: number}} Report */
/** @typedef {{id: string, name: string, owner: string, is_builtin: boolean, engine: string, kind: string, width: number, height: number, fps: number, frames: number, thumbnail_url: string, idle_url: string | null, created_at: string, voice_id: string | null, lost_voice: string | null, report: Report}} Avatar */
/** @typedef {{voice_id: string, name: string, language: string, gender: "female" | "male" | "", engine: string, is_cloned: boolean, is_default: boolean, sample_text: string, sample_url: string, synthesis: string[], weights: string | null, clips: VoiceClip[], consent: {statement: string, given_by: string, recorded_at: string} | null, created_at: string | null}} Voice */
/** @typedef {{clip_id: string, seconds: number, snr_db: number, transcript: string, url: string}} VoiceClip */
/** @typedef {{service: string, name: string, available: boolean, reason: string, is_default: boolean, languages: string[], license: string, description: string, models: string[], can_train: boolean, cannot_train_reason: string, default_steps: number, needs_model: boolean, videos_only: boolean, breaker: "closed" | "open" | "half-open" | "", breaker_reason: string, breaker_retry_s: number}} Engine */
/** @typedef {{items: Engine[], unreachable: {service: string, problem: ProblemBody}[]}} Engines */
/** @typedef {{device: string, name: string, memory_bytes: number, used_bytes: number}} Device */
/** @typedef {{id: string, model_id: string, name: string, is_builtin: boolean, engine: string, avatar_id: string | null, steps: number, before: Record<string, number>, after: Record<string, number>, warnings: string[], offset_ms: number, curve: Curve | null, preview_url: string | null, created_at: string}} Model */
/** @typedef {{key: string, name: string, avatar: Avatar, model: Model | null}} Person an avatar, drawn as it is or by a model trained on it */
/** @typedef {{service: string, status: "serving" | "loading" | "down", why: string, address: string, since: string | null}} ServiceState */
/**
 * @typedef {object} System
 * @property {string} version
 * @property {"ok" | "degraded"} status
 * @property {boolean} accounts
 * @property {ServiceState[]} services
 * @property {{upload_bytes: number, audio_s: number, video_s: number, text_chars: number, question_chars: number, picture_side_px: number, queued_jobs: number}} limits
 * @property {{free_bytes: number, total_bytes: number}} disk
 * @property {{queue: string, waiting: number, running: number, concurrency: number}[]} queues
 */
/** @typedef {{id: number, role: "user" | "assistant", text: string, job_id: string, created_at: string, audio_url: string | null, video_url: string | null, timings_ms: Timings | null, clauses: Clause[] | null, end_frame?: number | null, fallbacks?: Fallback[] | null}} Message */
/** @typedef {{id: string, title: string, created_at: string, updated_at: string, messages: number}} ConversationItem */

export {};
