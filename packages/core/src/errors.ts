/**
 * The one table of error codes: each code with the sentence that docs/errors.md shows for it.
 * A test holds both equal. Codes are part of the contract: they are added, never renamed.
 */
export const errorCodes = {
  ERR_CONFIG_READ: "The configuration file cannot be read.",
  ERR_CONFIG_TOO_LARGE: "The configuration is larger than the limit.",
  ERR_CONFIG_TOO_DEEP: "The configuration is nested deeper than the limit.",
  ERR_CONFIG_SYNTAX: "The text is not valid YAML or JSON, or not one document that is a mapping.",
  ERR_CONFIG_ALIAS: "A YAML alias has no anchor, refers to itself, or the aliases expand beyond the limit.",
  ERR_CONFIG_DUPLICATE_KEY: "A key, or one field in both of its spellings, appears twice in one mapping.",
  ERR_CONFIG_UNKNOWN_FIELD: "The message has no such field.",
  ERR_CONFIG_TYPE: "A value has the wrong type or form.",
  ERR_CONFIG_RANGE: "A value is outside the range that the field allows.",
  ERR_CONFIG_REQUIRED: "A required field is missing.",
  ERR_CONFIG_ONEOF: "Two fields are set of which only one may be.",
  ERR_CONFIG_UNKNOWN_TYPE: "A type URL names no message that is known here.",
  ERR_CONFIG_UNSUPPORTED: "A field or message that Envoy has and Sluice does not implement.",
  ERR_CONFIG_REFERENCE: "A name refers to something that the configuration does not define.",
  ERR_CONFIG_ORDER: "A filter stands where its own declarations, or those of its neighbours, do not let it.",
  ERR_CONFIG_CONFLICT: "Two parts of the configuration contradict each other.",
} as const satisfies Record<`ERR_${string}`, string>;

/** A code of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;
