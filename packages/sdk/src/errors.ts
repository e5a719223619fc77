/** Codes of the errors that the sdk throws. A test holds this table equal to `docs/errors.md`. */
export const SDK_ERRORS = {
  ERR_FILTER_DEFINITION: "A filter definition is not valid: an unknown hook or field, a missing id, a bad value.",
} as const;

export type SdkErrorCode = keyof typeof SDK_ERRORS;

/** Thrown by the define functions: a mistake in the program, not in its input. */
export class DefinitionError extends TypeError {
  readonly code: SdkErrorCode = "ERR_FILTER_DEFINITION";

  constructor(message: string) {
    super(message);
    this.name = "DefinitionError";
  }
}
