// @ts-check
// Types of the studio (docs/studio.md), for the type checker only.

/**
 * @typedef {object} Background
 * @property {"keep" | "blur" | "colour" | "picture" | "film" | "transparent"} kind
 * @property {number} [strength] of the blur, 0 to 1
 * @property {string} [colour] #rrggbb
 * @property {string} [asset_id] "" while none is chosen
 * @property {string | null} [key] "auto" or #rrggbb: the person stands before a ground of one colour
 */
/** @typedef {{start_s: number, end_s: number, text: string, second?: string | null}} Cue from the scene's start */
/** @typedef {"auto" | "head" | "bust" | "whole"} Framing */
/**
 * @typedef {object} Scene
 * @property {string} key of the page only: names the scene while it is moved about
 * @property {string} text
 * @property {string | null} audio_asset_id a recording instead of the text; "" while none is chosen
 * @property {string | null} avatar_id
 * @property {string | null} model
 * @property {string | null} voice_id
 * @property {string | null} language
 * @property {{speed?: number, seed?: number}} synthesis
 * @property {Background | null} background null: the whole video's
 * @property {Framing | null} framing
 * @property {number} pause_s
 * @property {Cue[] | null} cues as edited; null: made from the speech
 * @property {boolean} [are_cues_old] of the page only: the words have changed since the cues were edited
 */
/**
 * @typedef {object} Format
 * @property {"source" | "9:16" | "1:1" | "16:9" | "4:5" | "own"} ratio
 * @property {number} width of a format of one's own
 * @property {number} height
 * @property {number | null} resolution the short side; null: the source's
 * @property {"draft" | "standard" | "high"} quality
 * @property {"webm" | "mov"} transparent_container
 */
/**
 * @typedef {object} Subtitles
 * @property {boolean} files
 * @property {boolean} burn
 * @property {"small" | "medium" | "large"} size
 * @property {"auto" | "bottom" | "top"} place
 * @property {boolean} highlight
 * @property {string | null} second_language
 */
/**
 * @typedef {object} Music
 * @property {string} asset_id
 * @property {number} level_db
 * @property {number} duck_db
 * @property {number} fade_in_s
 * @property {number} fade_out_s
 */
/** @typedef {{loudness_lufs?: number | null, music: Music | null}} Sound without a loudness: the server's default */
/**
 * @typedef {object} Logo
 * @property {string} asset_id
 * @property {"top-left" | "top-right" | "bottom-left" | "bottom-right"} corner
 * @property {number} width share of the video's width
 * @property {number} opacity
 */
/**
 * @typedef {object} Script what the page edits
 * @property {string | null} avatar_id of all scenes that name none
 * @property {string | null} model
 * @property {Scene[]} scenes
 * @property {Format} format
 * @property {Background} background
 * @property {Framing} framing
 * @property {Subtitles} subtitles
 * @property {Sound} sound
 * @property {string | null} intro_asset_id
 * @property {string | null} outro_asset_id
 * @property {Logo | null} logo
 * @property {boolean} restore the operator's face restorer goes over the faces
 * @property {string | null} from_job_id the video that was made of it last
 */
/**
 * @typedef {object} DraftRow
 * @property {string} id
 * @property {string} name
 * @property {any} script
 * @property {number} version
 * @property {string} updated_at
 */
/**
 * How a scene of a job stands.
 * @typedef {object} SceneState
 * @property {number} index
 * @property {string | null} text null in a recording
 * @property {number | null} [start_s]
 * @property {number | null} [end_s]
 * @property {string} state "waiting", "speaking", "spoken", "drawing", "drawn"
 * @property {import("../speech/text_warnings.js").TextWarning[]} [warnings]
 */
/**
 * What the parts of the studio share while one draft is shown.
 * @typedef {object} Studio
 * @property {Script} script
 * @property {AbortSignal} signal ends when another draft is shown
 * @property {(change?: "words") => void} changed tells everybody, and saves; "words": nothing but words
 * @property {(callback: (change?: "words") => void) => void} watch
 * @property {() => import("../core/types.js").AvatarChoice[]} choices empty until they are known
 * @property {(scene: Scene) => import("../core/types.js").AvatarChoice | null} personOf
 */

export {};
