/**
 * What is measured of filters and who may trace: things that Envoy has no field for, as entries of bootstrap_extensions,
 * `TypedStruct { type_url: sluice.filter_cost, value: { sample: 1/128 } }` and `{ type_url: sluice.debug_trace, value: { header, trusted } }`.
 */
import { compileCidrs } from "../../matching/cidr.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Bootstrap } from "../envoy/generated/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { DebugTraceModel, Json, ObserveModel } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { CompileContext } from "./context.ts";

export const filterCostType = "sluice.filter_cost";
export const debugTraceType = "sluice.debug_trace";

export const DEFAULT_SAMPLE_EVERY = 128;
export const DEFAULT_DEBUG_HEADER = "x-sluice-debug";
/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const MAX_SAMPLE_EVERY = 1_000_000;

export function compileObserve(context: CompileContext, bootstrap: Bootstrap): ObserveModel {
  let sampleEvery: number | null = null;
  let debugTrace: DebugTraceModel | null = null;
  for (const [index, extension] of bootstrap.bootstrapExtensions.entries()) {
    const payload = extension.typedConfig === undefined ? undefined : context.tree.payload(extension.typedConfig);
    if (payload?.kind !== "plain") continue;
    const { typeName, value } = payload;
    if (typeName !== filterCostType && typeName !== debugTraceType) continue;
    if ((typeName === filterCostType ? sampleEvery : debugTrace) !== null) {
      const at = { message: bootstrap, field: "bootstrap_extensions", element: index };
      context.error(at, "ERR_CONFIG_CONFLICT", `a second ${typeName}`, { expected: "one at most" });
    }
    if (typeName === filterCostType) sampleEvery = compileFilterCost(context, value);
    else debugTrace = compileDebugTrace(context, value);
  }
  return { sampleEvery: sampleEvery ?? DEFAULT_SAMPLE_EVERY, debugTrace };
}

function compileFilterCost(context: CompileContext, value: JsonObject): number {
  checkKeys(context, value, ["sample"]);
  const sample = value["sample"];
  if (sample === undefined) return DEFAULT_SAMPLE_EVERY;
  const every = sampleOf(sample);
  if (every !== null) return every;
  context.errorAt(value, ["sample"], "ERR_CONFIG_TYPE", `${JSON.stringify(sample)} is no share of streams`, {
    expected: `1/128 (one in 128; at most ${MAX_SAMPLE_EVERY}), 1 (all) or off`,
  });
  return DEFAULT_SAMPLE_EVERY;
}

function sampleOf(sample: Json): number | null {
  if (sample === "off") return 0;
  if (sample === 1 || sample === "1") return 1;
  const every = typeof sample === "string" ? Number(/^1\/([1-9]\d{0,6})$/.exec(sample)?.[1] ?? 0) : 0;
  return every > 0 && every <= MAX_SAMPLE_EVERY ? every : null;
}

function compileDebugTrace(context: CompileContext, value: JsonObject): DebugTraceModel | null {
  checkKeys(context, value, ["header", "trusted"]);
  const name = value["header"] ?? DEFAULT_DEBUG_HEADER;
  const header = typeof name === "string" && TOKEN.test(name) ? name.toLowerCase() : "";
  if (header === "" || header === "host")
    context.errorAt(value, ["header"], "ERR_CONFIG_TYPE", `${JSON.stringify(name)} is no header's name`);
  const trusted = value["trusted"];
  if (!Array.isArray(trusted) || trusted.length === 0) {
    const at = trusted === undefined ? [] : ["trusted"];
    const message = trusted === undefined ? "trusted is missing" : "trusted has no ranges";
    context.errorAt(value, at, "ERR_CONFIG_REQUIRED", message, {
      expected: "ranges of the peers that may ask for traces, as in 127.0.0.0/8",
    });
    return null;
  }
  const cidrs: string[] = [];
  for (const [index, cidr] of trusted.entries()) {
    if (typeof cidr === "string" && !Array.isArray(compileCidrs([cidr]))) cidrs.push(cidr);
    else {
      context.errorAt(value, ["trusted", index], "ERR_CONFIG_TYPE", `${JSON.stringify(cidr)} is no range`, {
        expected: "a range as in 10.0.0.0/8",
      });
    }
  }
  return { header, trustedCidrs: cidrs };
}

function checkKeys(context: CompileContext, value: JsonObject, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    context.errorAt(value, [key], "ERR_CONFIG_UNKNOWN_FIELD", `unknown field "${key}"`, {
      suggestion: didYouMean(key, known),
    });
  }
}
