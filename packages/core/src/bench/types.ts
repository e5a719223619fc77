/**
 * What the parts of `sluice bench` hand to one another: plain data, since it crosses to the processes that measure. A subject is what is
 * measured, traffic is what it is measured with, a sample is what one process found, a report is what all of them say.
 */
import type { HttpFilterModel, Json, RouteConfigModel } from "../config/model.ts";

/** A module with filter definitions, as the measuring process imports it. */
export interface SubjectModule {
  /** As it was written: a package's name or a path. */
  readonly specifier: string;
  readonly url: string;
}

/** One filter of the chain that is measured. */
export type SubjectFilter = Omit<HttpFilterModel, "place">;

/** A chain of filters without its terminal, and the modules that they come from. */
export interface Subject {
  readonly kind: "http" | "network";
  /** What reports call it. */
  readonly label: string;
  readonly modules: readonly SubjectModule[];
  readonly filters: readonly SubjectFilter[];
  /** null: one route that matches everything, without per-route configuration. Network chains have none. */
  readonly routes: RouteConfigModel | null;
}

/** Requests and responses of an HTTP chain. Bodies are sent chunk by chunk; no chunk: the headers end the message. */
export interface HttpTraffic {
  readonly kind: "http";
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly requestChunks: readonly Uint8Array[];
  readonly status: number;
  readonly responseHeaders: ReadonlyArray<readonly [string, string]>;
  readonly responseChunks: readonly Uint8Array[];
}

/** Bytes of a network chain. One request is one exchange: the chunks in, then the chunks out. */
export interface NetworkTraffic {
  readonly kind: "network";
  readonly requestChunks: readonly Uint8Array[];
  readonly responseChunks: readonly Uint8Array[];
  /** After so many the connection is closed and another opened. */
  readonly exchangesPerConnection: number;
}

export type Traffic = HttpTraffic | NetworkTraffic;

/**
 * One chain that a process measures. `empty`: the terminal alone. `twin`: the subject's filters with hooks of the same names that do nothing: what the
 * engine takes for calling them. `upTo`: how many of the subject's filters stand in the chain.
 */
export interface Variant {
  readonly name: string;
  readonly role: "empty" | "twin" | "subject";
  /** Index into the job's subjects. */
  readonly subject: number;
  readonly upTo: number;
}

/** The work of one measuring process. */
export interface BenchJob {
  readonly subjects: readonly Subject[];
  readonly traffic: Traffic;
  /** Made, warmed up and measured in this order. */
  readonly variants: readonly Variant[];
  /** Quiet batches that are wanted of each variant. */
  readonly batches: number;
  /** Turns end after so many milliseconds, however few quiet batches there are. */
  readonly limitMs: number;
  /** Of each variant, in CPU time of the process. */
  readonly warmUpMs: number;
  /** Best time of the empty chain in earlier processes: what quiet is told by. 0: none yet. */
  readonly bestEmptyNs: number;
  /** Of the order in which chains take turns. */
  readonly seed: number;
  /** Variants whose hooks are timed one by one afterwards, by name. */
  readonly hooksOf: readonly string[];
}

/** What one hook took: sums over the requests that were looked at. */
export interface HookSample {
  readonly filter: string;
  readonly hook: string;
  readonly callsPerRequest: number;
  /** By a clock around each call, the clock's own time taken off. */
  readonly nsPerCall: number;
  /** Some calls returned a promise: what ran after the first await is not in `nsPerCall`. */
  readonly isAsync: boolean;
}

/** What one process found of one variant. */
export interface VariantSample {
  readonly name: string;
  /** Nanoseconds per request of each batch. */
  readonly batches: readonly number[];
  /** Of each batch: the slower of the two batches of the empty chain right before and after it. The empty chain's own: itself. */
  readonly around: readonly number[];
  /** Bytes allocated per request, on the heap and in array buffers. */
  readonly bytes: number;
  /** Status → share of the responses, 0 to 1; 0 stands for a reset or closed connection. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Share of the requests that were not over when the call that started them returned. */
  readonly asyncShare: number;
  readonly hooks: readonly HookSample[];
}

export interface BenchSample {
  readonly variants: readonly VariantSample[];
  /** Nanoseconds of the reference workload: how fast this machine was. */
  readonly referenceNs: number;
}

/** A definition as the measuring process sees it. */
export interface InspectedDefinition {
  readonly id: string;
  readonly kind: "http" | "network" | "other";
  readonly isTerminal: boolean;
  readonly specifier: string;
}

/** What is asked of a measuring process. */
export type BenchRequest =
  | { readonly ask: "measure"; readonly job: BenchJob }
  | { readonly ask: "inspect"; readonly modules: readonly SubjectModule[] }
  /** An upstream for end-to-end runs: lives as long as its channel. */
  | { readonly ask: "origin"; readonly traffic: HttpTraffic };

export type BenchAnswer =
  | { readonly answer: "sample"; readonly sample: BenchSample }
  | { readonly answer: "definitions"; readonly definitions: readonly InspectedDefinition[] }
  | { readonly answer: "origin"; readonly port: number }
  /** A sentence: what is wrong with what was to be measured. */
  | { readonly answer: "refused"; readonly message: string };

/** Thrown for what the user has to mend: the message is one sentence; the command ends with 2. */
export class BenchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BenchError";
  }
}

/** Median and quartiles over processes. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One line of the report: a filter, or the whole chain of several. */
export interface FilterCost {
  readonly filter: string;
  /** Per request over the chain without it. */
  readonly ns: Spread;
  /** Per request over a filter whose same hooks do nothing: its own code and what that makes the engine do. */
  readonly ownNs: Spread;
  /** Allocated per request over the chain without it, and over the filter whose hooks do nothing. */
  readonly bytes: number;
  readonly ownBytes: number;
  readonly hooks: readonly HookCost[];
}

export interface HookCost {
  readonly hook: string;
  readonly callsPerRequest: number;
  /** Its own code: the filter's own time, shared out by what a clock around each call says. */
  readonly ownNs: number;
  /** With the engine's part of calling it. */
  readonly ns: number;
  readonly isAsync: boolean;
}

export interface ComparisonCost {
  /** How the old version was measured: beside the new one in the same processes, or by what is stored of it. */
  readonly method: "side by side" | "stored numbers";
  readonly baseline: string;
  readonly oldNs: Spread;
  readonly newNs: Spread;
  /** new / old − 1, of the nanoseconds per request over the empty chain. */
  readonly change: number;
  /** A change below it is not told from noise in this run. */
  readonly noise: number;
  /** Probability of such a difference where there is none; 1 where it could not be computed. */
  readonly p: number;
  readonly verdict: "slower" | "faster" | "same";
  readonly oldBytes: number;
  readonly newBytes: number;
  readonly bytesVerdict: "more" | "less" | "same";
}

export interface BenchReport {
  readonly target: string;
  readonly label: string;
  readonly kind: "http" | "network";
  readonly node: string;
  readonly sluice: string;
  readonly machine: string;
  readonly rounds: number;
  /** The empty chain's own time and bytes per request, for scale. */
  readonly emptyNs: Spread;
  readonly emptyBytes: number;
  readonly referenceNs: number;
  /** One a filter, in chain order. */
  readonly filters: readonly FilterCost[];
  /** The whole chain; the same as the filter where there is one. */
  readonly total: FilterCost;
  readonly comparison: ComparisonCost | null;
  readonly endToEnd: EndToEndReport | null;
  /** What the reader has to know: local replies, promises, what could not be stored. */
  readonly notes: readonly string[];
}

export interface LoadResult {
  readonly requestsPerSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
}

export interface EndToEndReport {
  readonly without: LoadResult;
  readonly with: LoadResult;
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
}

/** What stands under `sluice.bench` in a package.json, or in the file of `--profile`. */
export interface BenchProfile {
  readonly config?: Json;
  readonly routeConfig?: Json;
  readonly request?: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly chunkBytes?: number;
  };
  readonly response?: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly chunkBytes?: number;
  };
  readonly exchangesPerConnection?: number;
}
