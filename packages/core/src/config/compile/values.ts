/** Single values of messages as the model wants them: durations in milliseconds, addresses, bytes of data sources. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { Message } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Address, CidrRange } from "../envoy/generated/envoy/config/core/v3/address_pb.js";
import type { DataSource } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { FractionalPercent } from "../envoy/generated/envoy/type/v3/percent_pb.js";
import type { AddressModel, RuntimeFractionModel } from "../model.ts";
import type { CompileContext } from "./context.ts";

/** What one timer of the runtime can wait: a bit more than 285 years would lose milliseconds, so 100 are enough for everybody. */
const longestMs = 100 * 365.25 * 24 * 3600 * 1000;

/** Whole milliseconds, rounded up so that a short time never becomes none; `otherwise` where the field is not set. */
export function milliseconds(
  context: CompileContext,
  message: Message,
  field: string,
  value: Duration | undefined,
  otherwise: number,
): number {
  if (value === undefined) return otherwise;
  const ms = Math.ceil(Number(value.seconds) * 1000 + value.nanos / 1e6);
  if (ms >= 0 && ms <= longestMs) return ms;
  context.error({ message, field }, "ERR_CONFIG_RANGE", "the duration is out of range", {
    expected: "0s to 100 years",
  });
  return otherwise;
}

/** Linux: sun_path without its final NUL. */
const longestSocketPath = 107;

/**
 * The address of a listener, of admin, or of an endpoint. `names`: a host name may stand where an IP address is expected.
 * undefined when it was reported, here or before.
 */
export function compileAddress(
  context: CompileContext,
  owner: Message,
  address: Address | undefined,
  names: boolean,
): AddressModel | undefined {
  if (address === undefined) {
    if (!context.tree.isDamaged(owner)) context.error({ message: owner }, "ERR_CONFIG_REQUIRED", "address is missing");
    return undefined;
  }
  const variant = address.address;
  if (variant.case === "pipe") {
    const { path, mode } = variant.value;
    const at = { message: variant.value, field: "path" };
    if (path.startsWith("@")) return void context.unsupported(at, "an abstract socket");
    if (Buffer.byteLength(path) > longestSocketPath) {
      return void context.error(at, "ERR_CONFIG_RANGE", "the path of the Unix socket is too long", {
        expected: `at most ${longestSocketPath} bytes`,
      });
    }
    return path === "" ? undefined : { kind: "pipe", path, mode };
  }
  if (variant.case !== "socketAddress") return undefined;
  const socket = variant.value;
  if (socket.protocol === 1) context.unsupported({ message: socket, field: "protocol" }, "UDP", "TCP");
  const host = socket.address;
  if (socket.portSpecifier.case !== "portValue") {
    if (!context.tree.isDamaged(socket))
      context.error({ message: socket }, "ERR_CONFIG_REQUIRED", "port_value is missing");
    return undefined;
  }
  if (host === "") return undefined;
  if (isIP(host) === 0 && !(names && isHostName(host))) {
    context.error(
      { message: socket, field: "address" },
      "ERR_CONFIG_TYPE",
      `${JSON.stringify(host)} is no IP address`,
      {
        expected: names ? "an IP address or a host name" : "an IP address, as in 127.0.0.1 or ::",
      },
    );
    return undefined;
  }
  return { kind: "ip", host, port: socket.portSpecifier.value };
}

export function isHostName(text: string): boolean {
  return text.length <= 253 && /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i.test(text) && !/^[\d.]+$/.test(text);
}

/** `host:port`, `[host]:port` or the path. */
export function addressText(address: AddressModel): string {
  if (address.kind === "pipe") return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export interface Data {
  readonly bytes: Uint8Array;
  /** For messages and `/certs`: the file, the variable, or `<inline>`. */
  readonly source: string;
}

/** The bytes of a data source; undefined when it cannot be read, which is then reported. */
export function readData(context: CompileContext, source: DataSource): Data | undefined {
  const { specifier } = source;
  switch (specifier.case) {
    case "inlineBytes":
      return { bytes: specifier.value, source: "<inline>" };
    case "inlineString":
      return { bytes: Buffer.from(specifier.value), source: "<inline>" };
    case "environmentVariable": {
      const value = process.env[specifier.value];
      if (value !== undefined) return { bytes: Buffer.from(value), source: `$${specifier.value}` };
      context.error(
        { message: source, field: "environment_variable" },
        "ERR_CONFIG_REFERENCE",
        `the environment variable ${specifier.value} is not set`,
      );
      return undefined;
    }
    case "filename": {
      if (specifier.value === "") return undefined;
      try {
        return { bytes: readFileSync(context.resolvePath(specifier.value)), source: specifier.value };
      } catch (error) {
        const why = (error as NodeJS.ErrnoException).code ?? String(error);
        context.error(
          { message: source, field: "filename" },
          "ERR_CONFIG_REFERENCE",
          `${specifier.value} cannot be read (${why})`,
        );
        return undefined;
      }
    }
    case undefined:
      if (!context.tree.isDamaged(source)) {
        context.error({ message: source }, "ERR_CONFIG_REQUIRED", "the data source is empty", {
          expected: "filename, inline_string, inline_bytes or environment_variable",
        });
      }
      return undefined;
  }
}

const mebibyte = 1024 * 1024;

/** `per_connection_buffer_limit_bytes` of listeners and clusters. */
export function bufferLimit(context: CompileContext, message: Message, value: number | undefined): number {
  if (value === undefined) return mebibyte;
  if (value > 0) return value;
  context.unsupported(
    { message, field: "per_connection_buffer_limit_bytes" },
    "a connection without a buffer limit",
    "1 or more",
  );
  return mebibyte;
}

/** `10.0.0.0/8` for every range that is one. */
export function cidrTexts(context: CompileContext, ranges: readonly CidrRange[]): string[] {
  const texts: string[] = [];
  for (const range of ranges) {
    const version = isIP(range.addressPrefix);
    const longest = version === 6 ? 128 : 32;
    const length = range.prefixLen ?? 0;
    if (version === 0)
      context.error(
        { message: range, field: "address_prefix" },
        "ERR_CONFIG_TYPE",
        `${JSON.stringify(range.addressPrefix)} is no IP address`,
      );
    else if (length > longest)
      context.error({ message: range, field: "prefix_len" }, "ERR_CONFIG_RANGE", `the prefix is ${length} bits long`, {
        expected: `0 to ${longest}`,
      });
    else texts.push(`${range.addressPrefix}/${length}`);
  }
  return texts;
}

/** Index: FractionalPercent.DenominatorType. */
export const denominators = [100, 10_000, 1_000_000] as const;

/** A share, and the runtime key that may say another; nothing where none is given. */
export function runtimeFraction(key: string, share: FractionalPercent | undefined): RuntimeFractionModel {
  return { key, numerator: share?.numerator ?? 0, denominator: denominators[share?.denominator ?? 0] ?? 100 };
}
