/** One JSON value to one scalar, enum, duration or timestamp of a message, by the proto3 JSON mapping. */
import { didYouMean } from "../did-you-mean.ts";
import type { Json } from "../model.ts";
import type { Finding } from "../problems.ts";
import { listed, quote, wrongType } from "./describe.ts";
import { meantDuration, parseDuration, parseTimestamp } from "./durations.ts";
import type { EnumType } from "./registry.ts";
import type { ScalarName } from "./type-lines.ts";

/** What was read, or what is wrong with it. */
export type Reading<T = unknown> = { readonly value: T; readonly wrong?: undefined } | { readonly wrong: Finding };

const integerRanges = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const satisfies Partial<Record<ScalarName, readonly [bigint, bigint]>>;

const maxFloat = 3.4028234663852886e38;

export function readScalar(type: ScalarName, json: Json): Reading {
  switch (type) {
    case "bool":
      if (typeof json === "boolean") return { value: json };
      return { wrong: wrongType(json, "true or false", meantBool(json)) };
    case "string":
      if (typeof json !== "string") return { wrong: wrongType(json, isUnquoted(json) ? "a text in quotes" : "a text") };
      return json.isWellFormed() ? { value: json } : { wrong: wrongType(json, "a text without lone surrogates") };
    case "bytes":
      return readBytes(json);
    case "double":
    case "float":
      return readFloat(type, json);
    default:
      return readInteger(type, json);
  }
}

function meantBool(json: Json): string | undefined {
  const text = typeof json === "string" ? json.toLowerCase() : "";
  if (["true", "yes", "on", "y"].includes(text)) return "true";
  return ["false", "no", "off", "n"].includes(text) ? "false" : undefined;
}

function isUnquoted(json: Json): boolean {
  return typeof json === "number" || typeof json === "boolean";
}

function readInteger(type: keyof typeof integerRanges, json: Json): Reading {
  const [least, most] = integerRanges[type];
  const expected = `a whole number from ${least} to ${most}`;
  const number = wholeNumber(json);
  if (number === undefined) return { wrong: wrongType(json, expected) };
  if (number < least || number > most)
    return { wrong: { code: "ERR_CONFIG_RANGE", message: `${number} is out of range`, expected } };
  return { value: type === "int64" || type === "uint64" ? number : Number(number) };
}

function wholeNumber(json: Json): bigint | undefined {
  if (typeof json === "string" && /^-?\d{1,40}$/.test(json)) return BigInt(json);
  const number =
    typeof json === "string" && /^-?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,3})?$/i.test(json) ? Number(json) : json;
  return typeof number === "number" && Number.isInteger(number) ? BigInt(number) : undefined;
}

function readFloat(type: "double" | "float", json: Json): Reading {
  const number = typeof json === "string" && isNumber(json) ? Number(json) : json;
  if (typeof number !== "number") return { wrong: wrongType(json, "a number") };
  if (type === "float" && Number.isFinite(number) && Math.abs(number) > maxFloat) {
    return {
      wrong: {
        code: "ERR_CONFIG_RANGE",
        message: `${number} is out of range`,
        expected: "a number that 32 bits can hold",
      },
    };
  }
  return { value: number };
}

function isNumber(text: string): boolean {
  return (
    /^-?(\d+(\.\d+)?(e[+-]?\d+)?|Infinity)$|^NaN$/i.test(text) &&
    (!/[iy]/i.test(text) || /^(-?Infinity|NaN)$/.test(text))
  );
}

function readBytes(json: Json): Reading<Uint8Array> {
  const bare = typeof json === "string" ? json.replace(/={1,2}$/, "") : undefined;
  if (bare === undefined || !/^([\w+/-]{4})*([\w+/-]{2,3})?$/.test(bare))
    return { wrong: wrongType(json, "bytes in base64") };
  return { value: new Uint8Array(Buffer.from(bare, "base64")) };
}

export function readEnum(type: EnumType, json: Json): Reading<number> {
  if (typeof json === "number" && Number.isInteger(json) && Math.abs(json) <= 2 ** 31 - 1) return { value: json };
  const names = type.values.map(([name]) => name);
  const expected = `one of ${listed(names)}`;
  if (typeof json !== "string") return { wrong: wrongType(json, expected) };
  const number = type.number(json);
  if (number !== undefined) return { value: number };
  return {
    wrong: { code: "ERR_CONFIG_TYPE", message: `found ${quote(json)}`, expected, suggestion: didYouMean(json, names) },
  };
}

export function readDuration(json: Json): Reading {
  const duration = typeof json === "string" ? parseDuration(json) : undefined;
  if (duration !== undefined) return { value: { $typeName: "google.protobuf.Duration", ...duration } };
  const meant = typeof json === "string" || typeof json === "number" ? meantDuration(json) : undefined;
  return { wrong: wrongType(json, "a duration in seconds, as in 1.5s", meant) };
}

export function readTimestamp(json: Json): Reading {
  const timestamp = typeof json === "string" ? parseTimestamp(json) : undefined;
  if (timestamp !== undefined) return { value: { $typeName: "google.protobuf.Timestamp", ...timestamp } };
  return { wrong: wrongType(json, "a time, as in 2030-01-31T23:59:59Z") };
}
