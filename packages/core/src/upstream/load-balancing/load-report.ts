/**
 * Hot path where hosts are weighted by what they report. An ORCA report of an answer's headers or trailers: xds.data.orca.v3.OrcaLoadReport, as `endpoint-load-metrics` (TEXT, JSON,
 * BIN) or `endpoint-load-metrics-bin`. It comes from the upstream: bounded, read strictly, and good for nothing but its sender's weight.
 */
import type { HeaderMap } from "../../http/headers/header-map.ts";
import { readBinaryReport } from "./load-report-binary.ts";

/** Longer ones are no reports. */
const MOST_CHARACTERS = 8192;

const METRICS_HEADER = "endpoint-load-metrics";
const BINARY_HEADER = "endpoint-load-metrics-bin";

/** Fields that are maps: metrics are called `<field>.<key>`. */
const MAPS = ["named_metrics", "utilization", "request_cost"] as const;

/** What a weight is made of. One object is read into again and again. */
export class LoadReport {
  application = 0;
  cpu = 0;
  memory = 0;
  errorsPerSecond = 0;
  requestsPerSecond = 0;
  /** The highest of the metrics that were asked for; 0: none was there. */
  highest = 0;
  readonly #wanted: ReadonlySet<string>;

  /** @param wanted names of metrics, as in `named_metrics.queue` or `mem_utilization` */
  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  clear(): void {
    this.application = 0;
    this.cpu = 0;
    this.memory = 0;
    this.errorsPerSecond = 0;
    this.requestsPerSecond = 0;
    this.highest = 0;
  }

  /** False: there is no such metric, or the number is none. */
  set(name: string, value: number): boolean {
    if (!Number.isFinite(value)) return false;
    switch (name) {
      case "application_utilization":
        this.application = value;
        break;
      case "cpu_utilization":
        this.cpu = value;
        break;
      case "mem_utilization":
        this.memory = value;
        break;
      case "eps":
        this.errorsPerSecond = value;
        break;
      case "rps_fractional":
        this.requestsPerSecond = value;
        break;
      default:
        if (!isOfMap(name)) return false;
    }
    if (value > this.highest && this.#wanted.has(name)) this.highest = value;
    return true;
  }
}

function isOfMap(name: string): boolean {
  const dot = name.indexOf(".");
  return dot !== -1 && dot !== name.length - 1 && (MAPS as readonly string[]).includes(name.slice(0, dot));
}

export type ReportOutcome = "none" | "read" | "wrong";

/** Reads the report of these headers or trailers, if there is one. What is `wrong` leaves `report` with anything. */
export function readLoadReport(headers: HeaderMap, report: LoadReport): ReportOutcome {
  const binary = headers.get(BINARY_HEADER);
  if (binary !== undefined) return outcome(binary, 0, readBase64, report);
  const text = headers.get(METRICS_HEADER);
  if (text === undefined) return "none";
  if (text.startsWith("TEXT ")) return outcome(text, 5, readText, report);
  if (text.startsWith("JSON ")) return outcome(text, 5, readJson, report);
  return text.startsWith("BIN ") ? outcome(text, 4, readBase64, report) : "wrong";
}

type Read = (text: string, report: LoadReport) => boolean;

function outcome(text: string, from: number, read: Read, report: LoadReport): ReportOutcome {
  if (text.length > MOST_CHARACTERS) return "wrong";
  report.clear();
  return read(text.slice(from), report) ? "read" : "wrong";
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** With or without padding, as headers of gRPC are; the first of several. */
function readBase64(text: string, report: LoadReport): boolean {
  const comma = text.indexOf(",");
  const base64 = (comma === -1 ? text : text.slice(0, comma)).trim();
  return BASE64.test(base64) && readBinaryReport(Buffer.from(base64, "base64"), report);
}

/** Digits can be read in one way alone: else eight kilobytes of them would take a tenth of a second. */
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** `cpu_utilization=0.3,named_metrics.queue=7`; a colon is as good. Each metric once. */
function readText(text: string, report: LoadReport): boolean {
  const seen = new Set<string>();
  for (const part of text.split(",")) {
    const pair = part.trim();
    // An empty list has no metrics, and what is between two commas is none.
    if (pair === "") continue;
    const split = pair.search(/[=:]/);
    if (split === -1) return false;
    const name = pair.slice(0, split).trim();
    const value = pair.slice(split + 1).trim();
    if (seen.has(name) || !NUMBER.test(value) || !report.set(name, Number(value))) return false;
    seen.add(name);
  }
  return true;
}

/** By their names in the message, or in its JSON. */
const JSON_NAMES: Readonly<Record<string, string>> = {
  applicationUtilization: "application_utilization",
  cpuUtilization: "cpu_utilization",
  memUtilization: "mem_utilization",
  rpsFractional: "rps_fractional",
  namedMetrics: "named_metrics",
  requestCost: "request_cost",
};

function readJson(text: string, report: LoadReport): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  if (!isMapping(value)) return false;
  for (const [key, field] of Object.entries(value)) {
    const name = Object.hasOwn(JSON_NAMES, key) ? JSON_NAMES[key]! : key;
    if (field === null) continue;
    if ((MAPS as readonly string[]).includes(name)) {
      if (!isMapping(field)) return false;
      for (const [metric, number] of Object.entries(field))
        if (metric === "" || !report.set(`${name}.${metric}`, jsonNumber(number))) return false;
    } else if (isScalar(name) && !report.set(name, jsonNumber(field))) return false;
  }
  return true;
}

/** Others are of a newer message. */
function isScalar(name: string): boolean {
  return name === "eps" || Object.values(JSON_NAMES).includes(name);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Numbers may stand in quotes. NaN: it is none. */
function jsonNumber(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && NUMBER.test(value) ? Number(value) : NaN;
}
