/**
 * WASI for components that import it: everything is there, so that they can be instantiated, and everything throws a sentence with its name, but for what the configuration
 * grants. A throwing import is like a trap: the instance is discarded.
 */
import { getRandomValues } from "node:crypto";
import { GRANT_NAMES, type Grant } from "./component-options.ts";
import { GuestError } from "./guest-memory.ts";
import type { GuestHost, LogLevel } from "./guest.ts";

type Face = Readonly<Record<string, unknown>>;

/** Imports by interface name without version, for the names that the component has. */
export function wasiImports(
  names: readonly string[],
  grants: readonly Grant[],
  host: GuestHost,
): Readonly<Record<string, object>> {
  const granted = new Map(Object.entries(grantedFaces(grants, host)));
  const imports: Record<string, object> = {};
  for (const name of names) {
    const face = name.replace(/@.*$/, "");
    imports[face] = denied(face, granted.get(face) ?? {});
  }
  return imports;
}

/** A face whose every name is there: what is given, and the rest as functions that throw; names of classes as classes. */
function denied(face: string, given: Face): object {
  return new Proxy(given, {
    get(_target, key) {
      if (typeof key !== "string") return undefined;
      if (Object.hasOwn(given, key)) return given[key];
      const refuse = (): never => {
        throw new GuestError(
          `it uses ${key} of ${face}, which is not granted to it (grants that there are: ${GRANT_NAMES.join(", ")})`,
        );
      };
      return /^[A-Z]/.test(key) ? class {} : refuse;
    },
    has: () => true,
  });
}

function grantedFaces(grants: readonly Grant[], host: GuestHost): Readonly<Record<string, Face>> {
  const faces: Record<string, Face> = {};
  if (grants.includes("clocks")) {
    faces["wasi:clocks/wall-clock"] = {
      now: () => {
        const ms = host.wallNow();
        return { seconds: BigInt(Math.floor(ms / 1000)), nanoseconds: Math.floor((ms % 1000) * 1e6) };
      },
      resolution: () => ({ seconds: 0n, nanoseconds: 1_000_000 }),
    };
    faces["wasi:clocks/monotonic-clock"] = {
      now: () => BigInt(Math.floor(host.now() * 1e6)),
      resolution: () => 1_000_000n,
    };
  }
  if (grants.includes("environment"))
    faces["wasi:cli/environment"] = { getEnvironment: () => [], getArguments: () => [], initialCwd: () => undefined };
  if (grants.includes("random")) {
    const random = {
      getRandomBytes: (count: bigint) => randomBytes(Number(count)),
      getRandomU64: () => Buffer.from(randomBytes(8)).readBigUInt64LE(),
      getInsecureRandomBytes: (count: bigint) => randomBytes(Number(count)),
      getInsecureRandomU64: () => Buffer.from(randomBytes(8)).readBigUInt64LE(),
    };
    faces["wasi:random/random"] = random;
    faces["wasi:random/insecure"] = random;
    faces["wasi:random/insecure-seed"] = { insecureSeed: () => [random.getRandomU64(), random.getRandomU64()] };
  }
  if (grants.includes("stdout")) {
    const out = new LogStream(host, "info");
    const err = new LogStream(host, "warn");
    faces["wasi:cli/stdout"] = { getStdout: () => out };
    faces["wasi:cli/stderr"] = { getStderr: () => err };
    faces["wasi:io/streams"] = { OutputStream: LogStream };
  }
  return faces;
}

const MAX_RANDOM = 65_536;

function randomBytes(count: number): Uint8Array {
  if (count > MAX_RANDOM)
    throw new GuestError(`it asks for ${count} random bytes at once, at most ${MAX_RANDOM} may be`);
  return getRandomValues(new Uint8Array(count));
}

const MAX_LINE = 4096;
const LINE_FEED = 0x0a;

/** The output stream of WASI 0.2: what is written becomes lines of the log. */
class LogStream {
  readonly #host: GuestHost;
  readonly #level: LogLevel;
  #line: number[] = [];

  constructor(host: GuestHost, level: LogLevel) {
    this.#host = host;
    this.#level = level;
  }

  checkWrite(): bigint {
    return BigInt(MAX_LINE);
  }

  write(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte !== LINE_FEED && this.#line.length < MAX_LINE) this.#line.push(byte);
      else this.#end(byte);
    }
  }

  blockingWriteAndFlush(bytes: Uint8Array): void {
    this.write(bytes);
  }

  flush(): void {}

  blockingFlush(): void {}

  #end(byte: number): void {
    this.#host.log(this.#level, Buffer.from(this.#line).toString("utf8"));
    this.#line = byte === LINE_FEED ? [] : [byte];
  }
}
