/** Values that an operator changes while the proxy runs: Envoy's runtime layers (`layered_runtime`, `POST /runtime_modify`). */

/** A handle: always what holds now. Take it in `create`; reading it costs nothing. */
export interface RuntimeValue<Value> {
  readonly value: Value;
}

export interface FractionalPercent {
  readonly numerator: number;
  /** @default 100 */
  readonly denominator?: 100 | 10_000 | 1_000_000;
}

/** A share of all requests (or of whatever is hashed). */
export interface RuntimeFraction {
  /** Draws: whether this one is among them. With `hash` (a whole number, not negative) the same number gives the same answer. */
  includes(hash?: number): boolean;
  /** What holds now. */
  readonly numerator: number;
  readonly denominator: number;
}

/**
 * Runtime keys. Where a key is not set, or its value is of another kind, the default holds. Handles end with the filter: they keep their last value.
 */
export interface Runtime {
  /** The handle for a default of any of these kinds. */
  key(key: string, defaultValue: number): RuntimeValue<number>;
  key(key: string, defaultValue: boolean): RuntimeValue<boolean>;
  key(key: string, defaultValue: string): RuntimeValue<string>;
  number(key: string, defaultValue: number): RuntimeValue<number>;
  /** `true` and `false`, in any case; numbers are none. */
  boolean(key: string, defaultValue: boolean): RuntimeValue<boolean>;
  /** `{ numerator, denominator: HUNDRED | TEN_THOUSAND | MILLION }`; a whole number is a percentage. An empty key: always the default. */
  fraction(key: string, defaultValue: FractionalPercent): RuntimeFraction;
}
