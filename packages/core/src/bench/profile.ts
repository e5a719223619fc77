/**
 * With what a filter is measured: its configuration, the requests and the responses. From `sluice.bench` of its package.json, from the file of
 * `--profile`, and from the command's options, the later over the earlier. Unknown keys are refused.
 */
import { readFileSync } from "node:fs";
import { didYouMean } from "../config/did-you-mean.ts";
import type { Json } from "../config/model.ts";
import { readManifest } from "./target.ts";
import { BenchError, type BenchProfile, type HttpTraffic, type NetworkTraffic } from "./types.ts";

/** Options of the command that say with what. */
export interface ProfileFlags {
  readonly profile?: string;
  /** JSON, or a file with JSON. */
  readonly config?: string;
  readonly requests?: "headers" | "body";
}

/** A request as browsers send it: twelve headers. */
const REQUEST_HEADERS: Readonly<Record<string, string>> = {
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-encoding": "gzip, deflate, br",
  "accept-language": "en-GB,en;q=0.9",
  "cache-control": "no-cache",
  cookie: "session=7f3c9a1e5b2d4c68; theme=dark",
  dnt: "1",
  origin: "https://bench.example",
  referer: "https://bench.example/start",
  "sec-fetch-mode": "cors",
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
  "x-forwarded-for": "192.0.2.7",
  "x-request-id": "5d1b3f0a-8c55-4b2e-9d51-6f2f3f6f9b10",
};
const RESPONSE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "max-age=60",
  etag: '"5f3759df"',
  server: "origin",
  vary: "accept-encoding",
};
const SMALL_BODY = "x".repeat(70);
const BODY = "x".repeat(16 * 1024);
const CHUNK_BYTES = 4096;

const PROFILE_KEYS = ["config", "routeConfig", "request", "response", "exchangesPerConnection"] as const;
const REQUEST_KEYS = ["method", "path", "headers", "body", "chunkBytes"] as const;
const RESPONSE_KEYS = ["status", "headers", "body", "chunkBytes"] as const;

/** @throws BenchError */
export function readProfile(manifest: string | null, flags: ProfileFlags): BenchProfile {
  let profile: BenchProfile = {};
  if (manifest !== null) {
    const section = (readManifest(manifest)["sluice"] as { readonly bench?: unknown } | undefined)?.bench;
    if (section !== undefined) profile = checked(section, `${manifest}, sluice.bench`);
  }
  if (flags.profile !== undefined) profile = { ...profile, ...checked(readJson(flags.profile), flags.profile) };
  if (flags.config !== undefined) {
    const text = flags.config.trim();
    const config = /^[{["]/.test(text) ? parseJson(text, "--config") : readJson(flags.config);
    profile = { ...profile, config };
  }
  return profile;
}

/** What is sent where the profile does not say. `requests`: with a body or without one, whatever the profile has. */
export function httpTraffic(profile: BenchProfile, requests: "headers" | "body" | undefined): HttpTraffic {
  const { request = {}, response = {} } = profile;
  const withBody = requests === undefined ? request.body !== undefined : requests === "body";
  return {
    kind: "http",
    method: request.method ?? (withBody ? "POST" : "GET"),
    path: request.path ?? "/api/items?page=2",
    authority: "bench.example",
    headers: Object.entries(request.headers ?? REQUEST_HEADERS),
    requestChunks: withBody ? chunked(request.body ?? BODY, request.chunkBytes) : [],
    status: response.status ?? 200,
    responseHeaders: Object.entries(response.headers ?? RESPONSE_HEADERS),
    responseChunks: chunked(response.body ?? (withBody ? BODY : SMALL_BODY), response.chunkBytes),
  };
}

export function networkTraffic(profile: BenchProfile): NetworkTraffic {
  const { request = {}, response = {} } = profile;
  return {
    kind: "network",
    requestChunks: chunked(request.body ?? SMALL_BODY, request.chunkBytes),
    responseChunks: chunked(response.body ?? SMALL_BODY, response.chunkBytes),
    exchangesPerConnection: profile.exchangesPerConnection ?? 10,
  };
}

/** One byte per character up to U+00FF, else UTF-8; an empty body is no chunk. */
function chunked(body: string, chunkBytes = CHUNK_BYTES): Uint8Array[] {
  const bytes = Buffer.from(body, "utf8");
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    chunks.push(new Uint8Array(bytes.subarray(at, at + chunkBytes)));
  return chunks;
}

function readJson(file: string): Json {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BenchError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseJson(text, file);
}

function parseJson(text: string, place: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new BenchError(`${place} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function checked(value: unknown, place: string): BenchProfile {
  const profile = object(value, place, PROFILE_KEYS);
  for (const [name, keys] of [
    ["request", REQUEST_KEYS],
    ["response", RESPONSE_KEYS],
  ] as const) {
    if (profile[name] === undefined) continue;
    const at = `${place}, ${name}`;
    const part = object(profile[name], at, keys);
    for (const key of ["method", "path", "body"])
      if (part[key] !== undefined) expectType(part[key], `${at}.${key}`, "string");
    for (const key of ["status", "chunkBytes"]) if (part[key] !== undefined) wholeNumber(part[key], `${at}.${key}`);
    if (part["headers"] === undefined) continue;
    const headers = object(part["headers"], `${at}.headers`, null);
    for (const [header, text] of Object.entries(headers)) expectType(text, `${at}.headers.${header}`, "string");
  }
  if (profile["exchangesPerConnection"] !== undefined)
    wholeNumber(profile["exchangesPerConnection"], `${place}, exchangesPerConnection`);
  return profile as BenchProfile;
}

function object(value: unknown, place: string, keys: readonly string[] | null): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BenchError(`${place}: expected an object`);
  for (const key of keys === null ? [] : Object.keys(value)) {
    if (keys!.includes(key)) continue;
    const suggestion = didYouMean(key, keys!);
    throw new BenchError(
      `${place}: unknown key "${key}", ${suggestion === undefined ? `expected one of ${keys!.join(", ")}` : `did you mean "${suggestion}"?`}`,
    );
  }
  return value as Readonly<Record<string, unknown>>;
}

function expectType(value: unknown, place: string, type: "string"): void {
  if (typeof value !== type) throw new BenchError(`${place}: expected a ${type}`);
}

function wholeNumber(value: unknown, place: string): void {
  if (!Number.isInteger(value) || (value as number) < 1)
    throw new BenchError(`${place}: expected a whole number from 1 up`);
}
