/** What a configuration may say of a component: how much memory it gets and what of WASI. Kept in the query of its URL, so that every thread that loads it knows. */

/** What can be granted, with what it gives. */
export const GRANTS = {
  clocks: "wasi:clocks: the time of day and a monotonic clock, without waiting",
  environment: "wasi:cli/environment: an environment and arguments that are empty",
  random: "wasi:random: random bytes",
  stdout: "wasi:cli/stdout and stderr: lines become lines of the filter's log",
} as const;
export type Grant = keyof typeof GRANTS;
export const GRANT_NAMES = Object.keys(GRANTS) as readonly Grant[];

export interface ComponentOptions {
  /** Of each instance, for its own memory. */
  readonly memoryBytes: number;
  readonly grants: readonly Grant[];
}

export const componentDefaults: ComponentOptions = { memoryBytes: 64 * 1024 * 1024, grants: [] };

/** Whether the module behind a URL is a component. */
export function isComponentUrl(url: string): boolean {
  return new URL(url).pathname.endsWith(".wasm");
}

export function withOptions(url: string, { memoryBytes, grants }: ComponentOptions): string {
  const made = new URL(url);
  if (memoryBytes !== componentDefaults.memoryBytes) made.searchParams.set("memory", String(memoryBytes));
  if (grants.length > 0) made.searchParams.set("grants", grants.join(","));
  return made.href;
}

/** The inverse of `withOptions`; other parts of the query are not looked at. */
export function optionsOf(url: string): ComponentOptions {
  const { searchParams } = new URL(url);
  const memory = searchParams.get("memory");
  const grants = searchParams.get("grants");
  return {
    memoryBytes: memory === null ? componentDefaults.memoryBytes : Number(memory),
    grants: grants === null ? [] : (grants.split(",") as Grant[]),
  };
}

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
/** What a memory of 32 bits can have. */
const MAX_MEMORY = 4 * 1024 ** 3;
export const MEMORY_EXPECTED = "a size from 64KiB to 4GiB, like 16MiB";

/** Bytes; undefined where it is no size, or none that a memory can have. */
export function readMemory(value: unknown): number | undefined {
  const match = /^(\d{1,12})(KiB|MiB|GiB|)$/.exec(String(value));
  if (match === null || (typeof value !== "string" && typeof value !== "number")) return undefined;
  const bytes = Number(match[1]) * UNITS[match[2]!]!;
  return bytes >= 65_536 && bytes <= MAX_MEMORY ? bytes : undefined;
}

export const GRANTS_EXPECTED = `a list of ${GRANT_NAMES.join(", ")}`;

export function isGrant(value: unknown): value is Grant {
  return (GRANT_NAMES as readonly unknown[]).includes(value);
}
