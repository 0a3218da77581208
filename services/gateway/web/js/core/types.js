// @ts-check
// Types of the API (docs/api.md), for the type checker only.

/**
 * @typedef {object} ProblemBody
 * @property {string} [type]
 * @property {string} title
 * @property {number} status
 * @property {string} detail
 * @property {string} hint
 * @property {string} reason
 * @property {boolean} [retryable]
 * @property {string} [request_id]
 * @property {Record<string, string>} [params]
 */
/** @typedef {"dialogue" | "video" | "avatar" | "training" | "dubbing"} JobKind */
/** @typedef {"queued" | "running" | "succeeded" | "failed" | "cancelled"} JobState */
/** @typedef {Record<string, number>} Timings */
/**
 * @typedef {{index: number, text: string, start_s: number, end_s: number}} Clause a piece of speech and when it plays
 */
/** @typedef {{rate_hz: number, start_s: number, real: number[], before: number[], after: number[]}} Curve */
/** @typedef {{step: number, loss: number, validation_loss: number | null}} LossPoint */
/**
 * @typedef {object} TrainingPartial
 * @property {number} [step]
 * @property {number} [steps]
 * @property {number} [loss]
 * @property {LossPoint[]} [history]
 * @property {Curve} [curve]
 * @property {string} [preview_url]
 * @property {string[]} [warnings]
 * @property {number} [offset_ms]
 */
/**
 * An engine that another one replaced.
 * @typedef {object} Fallback
 * @property {"asr" | "llm" | "tts"} service
 * @property {string} wanted
 * @property {string} used
 * @property {string} reason
 * @property {string | null} wanted_voice
 * @property {string | null} used_voice
 */
/**
 * @typedef {object} JobPartialFields
 * @property {string} [transcript]
 * @property {string} [language]
 * @property {string} [reply]
 * @property {Clause[]} [clauses]
 * @property {Fallback[]} [fallbacks]
 * @property {Timings} [timings_ms]
 * @property {number} [start_frame]
 * @property {import("../studio/types.js").SceneState[]} [scenes]
 * @property {import("../dubbing/types.js").Sentence[]} [sentences] of a script that is being written
 */
/** @typedef {JobPartialFields & TrainingPartial} JobPartial */
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
 * @property {JobPartial | null} partial
 * @property {Record<string, any> | null} result
 * @property {ProblemBody | null} error
 * @property {string} created_at
 * @property {string | null} started_at
 * @property {string | null} finished_at
 * @property {string | null} video_url
 * @property {string} [name] of a video: what its owner calls it
 * @property {string[]} [tags]
 * @property {boolean} [consent_withdrawn] the person it shows has withdrawn consent since
 * @property {boolean} [playable] set by the page: the first video bytes are available
 */
/**
 * @typedef {object} Asset
 * @property {string} id
 * @property {"video" | "audio" | "image"} kind
 * @property {string} name
 * @property {number} bytes
 * @property {number | null} duration_s
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} fps
 * @property {boolean} [silent]
 * @property {boolean} [has_audio]
 * @property {string} url
 * @property {string} created_at
 */
/**
 * @typedef {object} Report
 * @property {number} face_fraction
 * @property {number} face_width_px
 * @property {number} mouth_coverage
 * @property {string[]} warnings
 * @property {string[]} [missing_shapes]
 * @property {number} [covered_frames]
 * @property {number} [blurred_frames]
 * @property {{left: number, top: number, right: number, bottom: number} | null} [face_box] in shares of the picture
 */
/**
 * @typedef {object} Avatar
 * @property {string} id
 * @property {string} name
 * @property {string} owner
 * @property {boolean} is_builtin
 * @property {boolean} [is_shared] another person's
 * @property {string} engine
 * @property {string} kind
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} frames
 * @property {string} thumbnail_url
 * @property {string | null} idle_url
 * @property {string} created_at
 * @property {string | null} voice_id
 * @property {string | null} lost_voice
 * @property {Report} report
 */
/**
 * @typedef {object} Voice
 * @property {string} voice_id
 * @property {string} name
 * @property {string} language
 * @property {"female" | "male" | ""} gender
 * @property {string} engine
 * @property {boolean} is_cloned
 * @property {boolean} [is_shared] another person's
 * @property {boolean} is_default
 * @property {string} sample_text
 * @property {string} sample_url
 * @property {string[]} synthesis
 * @property {string | null} weights
 * @property {VoiceClip[]} clips
 * @property {{statement: string, given_by: string, recorded_at: string} | null} consent
 * @property {string | null} created_at
 */
/** @typedef {{clip_id: string, seconds: number, snr_db: number, transcript: string, url: string}} VoiceClip */
/**
 * @typedef {object} Engine
 * @property {string} service
 * @property {string} name
 * @property {boolean} available
 * @property {string} reason
 * @property {boolean} is_default
 * @property {string[]} languages
 * @property {string} license
 * @property {string} description
 * @property {string[]} models
 * @property {boolean} can_train
 * @property {string} cannot_train_reason
 * @property {string} [cannot_train_cause]
 * @property {number} default_steps
 * @property {TrainingClip | null} training_clip
 * @property {boolean} needs_model
 * @property {boolean} videos_only
 * @property {"closed" | "open" | "half-open" | ""} breaker
 * @property {string} breaker_reason
 * @property {number} breaker_retry_s
 */
/** Lengths of a clip for training. @typedef {{least_s: number, short_s: number, most_s: number}} TrainingClip */
/**
 * The operator's face restorer.
 * @typedef {object} Restorer
 * @property {string} name
 * @property {string} licence
 * @property {string} problem why it cannot be used, or empty
 */
/**
 * @typedef {object} Engines
 * @property {Engine[]} items
 * @property {{service: string, problem: ProblemBody}[]} unreachable
 * @property {Restorer | null} restorer
 */
/** @typedef {{device: string, name: string, memory_bytes: number, used_bytes: number}} Device */
/**
 * @typedef {object} Model
 * @property {string} id
 * @property {string} model_id
 * @property {string} name
 * @property {boolean} is_builtin
 * @property {boolean} [is_shared] another person's
 * @property {string} engine
 * @property {string | null} avatar_id
 * @property {number} steps
 * @property {string} [training_id]
 * @property {Record<string, number>} before
 * @property {Record<string, number>} after
 * @property {string[]} warnings
 * @property {number} offset_ms
 * @property {Curve | null} curve
 * @property {string | null} preview_url
 * @property {string | null} [before_video_url]
 * @property {string | null} [after_video_url]
 * @property {string} created_at
 */
/**
 * An avatar, rendered as it is or by a model trained on it.
 * @typedef {object} AvatarChoice
 * @property {string} key
 * @property {string} name
 * @property {Avatar} avatar
 * @property {Model | null} model
 */
/**
 * @typedef {object} ServiceState
 * @property {string} service
 * @property {"serving" | "loading" | "down"} status
 * @property {string} why
 * @property {string} address
 * @property {string | null} since
 */
/**
 * The server's limits.
 * @typedef {object} Limits
 * @property {number} upload_bytes
 * @property {number} audio_s
 * @property {number} video_s
 * @property {number} [dubbing_s] of a film that is dubbed
 * @property {number} text_chars
 * @property {number} [script_chars] of all scenes of a video
 * @property {number} [scenes] of a video
 * @property {number} question_chars
 * @property {number} picture_side_px
 * @property {number} queued_jobs
 */
/**
 * @typedef {object} System
 * @property {string} version
 * @property {"ok" | "degraded"} status
 * @property {boolean} accounts
 * @property {ServiceState[]} services
 * @property {Limits} limits
 * @property {{free_bytes: number, total_bytes: number}} disk
 * @property {{queue: string, waiting: number, running: number, concurrency: number}[]} queues
 */
/**
 * @typedef {object} Message
 * @property {number} id
 * @property {"user" | "assistant"} role
 * @property {string} text
 * @property {"up" | "down" | null} [rating]
 * @property {boolean} [interrupted]
 * @property {string} job_id
 * @property {string} created_at
 * @property {string | null} audio_url
 * @property {string | null} video_url
 * @property {Timings | null} timings_ms
 * @property {Clause[] | null} clauses
 * @property {number | null} [end_frame]
 * @property {Fallback[] | null} [fallbacks]
 * @property {import("../speech/text_warnings.js").TextWarning[] | null} [warnings]
 */
/** @typedef {{id: string, title: string, created_at: string, updated_at: string, messages: number}} ConversationItem */

export {};

/**
 * @typedef {object} Verification the answer of `POST /verify`
 * @property {boolean} made_here
 * @property {"file" | "signature" | "content" | "sound" | "label" | "none"} evidence
 * @property {boolean | null} unchanged
 * @property {{at: string, kind: string, engine: string, is_sound_made: boolean, visible_mark: string | null,
 *   is_mine: boolean, job_id: string | null, job_url: string | null} | null} made
 * @property {{share: number, speed: number, offset_s: number, pictures: boolean | null} | null} match
 * @property {{fields: Record<string, string>, is_ours: boolean} | null} label
 * @property {{state: "valid" | "changed", is_ours: boolean, signer: string, generator: string, source_type: string,
 *   ingredients: string[], problems: string[]} | null} manifest
 */
