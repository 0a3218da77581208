// @ts-check
// Types of the API of accounts, for the type checker only.

/** @typedef {Record<string, number>} Amounts by the limits' names; 0 as a limit is none */
/** @typedef {"read" | "create" | "live" | "admin"} Scope */
/** @typedef {"avatar" | "voice" | "model" | "video"} SharedKind */
/**
 * @typedef {object} Me
 * @property {boolean} accounts
 * @property {string} id
 * @property {string} name
 * @property {string} display_name
 * @property {"admin" | "member"} role
 * @property {Scope[]} scopes
 * @property {boolean} has_password
 * @property {Amounts} limits
 * @property {Amounts} used
 */
/**
 * @typedef {object} SignInWays
 * @property {boolean} accounts
 * @property {boolean} set_up
 * @property {string | null} provider
 * @property {import("./types.js").ProblemBody | null} problem
 */
/**
 * @typedef {object} Session
 * @property {string} id
 * @property {boolean} is_this
 * @property {string} agent
 * @property {string} address
 * @property {string} created_at
 * @property {string} last_used_at
 */
/**
 * @typedef {object} ApiKey
 * @property {string} id
 * @property {string} name
 * @property {string} prefix
 * @property {Scope[]} scopes
 * @property {Amounts} limits
 * @property {string} created_at
 * @property {string | null} expires_at
 * @property {string | null} last_used_at
 */
/** @typedef {{user_id: string, name: string, day: string, metric: string, amount: number}} UsageRow */
/**
 * @typedef {object} Share
 * @property {string} id
 * @property {SharedKind} kind
 * @property {string} resource_id
 * @property {string} name
 * @property {"members" | "link"} audience
 * @property {string | null} link
 * @property {string} created_at
 * @property {string | null} expires_at
 * @property {boolean} is_over
 */
/**
 * @typedef {object} SharedThing
 * @property {string} id
 * @property {SharedKind} kind
 * @property {string} name
 * @property {string} owner_name
 * @property {"members" | "link"} audience
 * @property {string | null} expires_at
 * @property {string | null} file_url
 */
/** @typedef {"self" | "written" | "made-up"} Statement */
/**
 * @typedef {object} ConsentRecord
 * @property {string} id
 * @property {"avatar" | "training" | "voice"} kind
 * @property {string} resource_id
 * @property {Statement} statement
 * @property {string} text
 * @property {string} given_by
 * @property {ConsentClip | null} clip
 * @property {string} recorded_at
 * @property {string | null} withdrawn_at
 */
/** @typedef {{sha256: string, kept: "hash" | "encrypted"}} ConsentClip what a film of the person showed */
/** @typedef {{id: string, number: string, sentence: string, language: string, expires_at: string}} ConsentChallenge */
/**
 * @typedef {object} ConsentTexts
 * @property {boolean} required
 * @property {"off" | "optional" | "required"} clip
 * @property {string} version
 * @property {Record<Statement, string>} statements
 */
/**
 * @typedef {object} User
 * @property {string} id
 * @property {string} name
 * @property {string} display_name
 * @property {"admin" | "member"} role
 * @property {boolean} disabled
 * @property {boolean} has_password
 * @property {boolean} has_provider
 * @property {Amounts} limits
 * @property {Amounts} used
 * @property {string} created_at
 * @property {string | null} last_seen_at
 */
/**
 * @typedef {object} AuditRow
 * @property {number} id
 * @property {string} at
 * @property {string} actor
 * @property {string} actor_id
 * @property {string} via
 * @property {string} action
 * @property {string} object
 * @property {string} address
 */

export {};
