/** Runtime entries as layers give them, and how a value is read as a number, a boolean or a fraction. Envoy: SnapshotImpl. */

/** A leaf of a layer, as text: admin gives nothing else, and Envoy reads all layers through it. Fractions are their JSON. */
export type RuntimeEntries = Readonly<Record<string, string>>;

export const DENOMINATORS: Readonly<Record<string, number>> = {
  HUNDRED: 100,
  TEN_THOUSAND: 10_000,
  MILLION: 1_000_000,
};

export function readText(entries: RuntimeEntries, key: string): string | undefined {
  return Object.hasOwn(entries, key) ? entries[key] : undefined;
}

export function readNumber(entries: RuntimeEntries, key: string): number | undefined {
  const text = readText(entries, key)?.trim();
  if (text === undefined || !NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

export function readBoolean(entries: RuntimeEntries, key: string): boolean | undefined {
  const text = readText(entries, key)?.trim().toLowerCase();
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** A whole number is a percentage, and everything above 100 is all. */
export function readFraction(
  entries: RuntimeEntries,
  key: string,
): { readonly numerator: number; readonly denominator: number } | undefined {
  const text = readText(entries, key)?.trim();
  if (text === undefined || key === "") return undefined;
  if (/^\d+$/.test(text)) return { numerator: Math.min(100, Number(text)), denominator: 100 };
  return text.startsWith("{") ? parseFraction(text) : undefined;
}

function parseFraction(text: string): { numerator: number; denominator: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isFraction(value)
    ? { numerator: value.numerator ?? 0, denominator: DENOMINATORS[value.denominator ?? "HUNDRED"]! }
    : undefined;
}

/** Whether it is the JSON of envoy.type.v3.FractionalPercent. */
export function isFraction(value: unknown): value is { readonly numerator?: number; readonly denominator?: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { numerator = 0, denominator = "HUNDRED", ...rest } = value as Record<string, unknown>;
  return (
    Object.keys(rest).length === 0 &&
    ("numerator" in value || "denominator" in value) &&
    Number.isInteger(numerator) &&
    (numerator as number) >= 0 &&
    typeof denominator === "string" &&
    Object.hasOwn(DENOMINATORS, denominator)
  );
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
