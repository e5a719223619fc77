/** `layered_runtime`: static layers, flattened to dotted keys, and the place of the admin's. Layers of files and of control planes are refused by name. */
import type { LayeredRuntime } from "../envoy/generated/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Json, RuntimeLayerModel, RuntimeModel } from "../model.ts";
import { DEFAULT_RUNTIME } from "../../runtime/runtime-layers.ts";
import { isFraction } from "../../runtime/runtime-entry.ts";
import type { CompileContext, Field } from "./context.ts";
import { Uniqueness } from "./lists.ts";

export function compileRuntime(context: CompileContext, runtime: LayeredRuntime | undefined): RuntimeModel {
  if (runtime === undefined || runtime.layers.length === 0) return DEFAULT_RUNTIME;
  const layers: RuntimeLayerModel[] = [];
  const names = new Uniqueness(context, "the layer");
  for (const layer of runtime.layers) {
    const { name, layerSpecifier } = layer;
    if (name === "") context.missing({ message: layer, field: "name" }, "the layer's name");
    else names.add(name, { message: layer, field: "name" });
    if (layerSpecifier.case === "staticLayer") {
      const entries = Object.create(null) as Record<string, string>;
      flatten(context, { message: layer, field: "static_layer" }, layerSpecifier.value as Json, "", entries);
      layers.push({ name, kind: "static", entries });
    } else if (layerSpecifier.case === "adminLayer") {
      if (layers.some(({ kind }) => kind === "admin")) {
        context.error(
          { message: layer, field: "admin_layer" },
          "ERR_CONFIG_CONFLICT",
          "there is a second admin layer",
          {
            expected: "at most one",
          },
        );
      }
      layers.push({ name, kind: "admin" });
    }
  }
  return { layers };
}

/** `{ a: { b: 1 } }` is `a.b`; a FractionalPercent is one value. */
function flatten(context: CompileContext, at: Field, value: Json, key: string, into: Record<string, string>): void {
  if (value === null || Array.isArray(value)) {
    context.error(at, "ERR_CONFIG_TYPE", `the runtime value "${key}" is ${value === null ? "null" : "a list"}`, {
      expected: "a string, a number, true or false, or a fraction",
    });
  } else if (typeof value !== "object") into[key] = String(value);
  else if (key !== "" && isFraction(value)) into[key] = JSON.stringify(value);
  else if (key !== "" && ("numerator" in value || "denominator" in value)) {
    context.error(at, "ERR_CONFIG_TYPE", `the runtime value "${key}" is no fraction`, {
      expected: "a whole numerator and one of HUNDRED, TEN_THOUSAND, MILLION as denominator",
    });
  } else {
    for (const [name, inner] of Object.entries(value))
      flatten(context, at, inner, key === "" ? name : `${key}.${name}`, into);
  }
}
