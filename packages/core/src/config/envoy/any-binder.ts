/** google.protobuf.Any in a configuration: inline messages, TypedStruct, and extensions that only their own schema knows. */
import type { Message } from "@bufbuild/protobuf";
import { didYouMean } from "../did-you-mean.ts";
import type { Json } from "../model.ts";
import type { Finding } from "../problems.ts";
import type { JsonObject } from "../source/source.ts";
import type { Binder } from "./binder.ts";
import { isObject, quote, wrongType } from "./describe.ts";
import { failed } from "./failed.ts";
import type { Payload } from "./tree.ts";
import { isTypedStruct } from "./well-known.ts";

const urlPrefix = "type.googleapis.com/";

export class AnyBinder {
  readonly #binder: Binder;

  constructor(binder: Binder) {
    this.#binder = binder;
  }

  any(json: Json, holder: object, key: string | number): Message | typeof failed {
    if (!isObject(json)) return this.#binder.report(holder, key, "value", wrongType(json, `a mapping with "@type"`));
    const typeName = this.#typeName(json, "@type");
    if (typeName === failed) return failed;
    const any = makeAny(urlPrefix + typeName);
    this.#binder.origins.places.set(any, { container: json });
    const payload = this.#payload(typeName, json, isOptional(holder));
    if (payload === failed) return failed;
    this.#binder.origins.payloads.set(any, payload);
    return any;
  }

  #payload(typeName: string, json: JsonObject, canSkip: boolean): Payload | typeof failed {
    if (isTypedStruct(typeName)) return this.#typedStruct(typeName, json, canSkip);
    if (this.#isPlain(typeName)) {
      const { "@type": _, ...value } = json;
      this.#binder.origins.places.set(value, { container: json });
      return { kind: "plain", typeName, value };
    }
    if (typeName.startsWith("google.protobuf.") && typeName !== "google.protobuf.Empty")
      return this.#wellKnown(typeName, json);
    return this.#message(typeName, json, json, "@type", canSkip, "@type");
  }

  #typeName(holder: JsonObject, key: string): string | typeof failed {
    const url = holder[key];
    if (url === undefined) {
      const expected = `the type URL, as in "${urlPrefix}envoy.extensions.filters.http.router.v3.Router"`;
      return this.#binder.report(holder, undefined, "value", {
        code: "ERR_CONFIG_REQUIRED",
        message: `${key} is missing`,
        expected,
      });
    }
    if (typeof url !== "string") return this.#binder.report(holder, key, "value", wrongType(url, "a type URL"));
    const name = url.slice(url.lastIndexOf("/") + 1);
    if (name !== "" && (url.includes("/") || key !== "@type")) return name;
    return this.#binder.report(holder, key, "value", () => {
      const near = this.#nearType(name);
      const suggestion = near === undefined ? undefined : `${urlPrefix}${near}`;
      return { code: "ERR_CONFIG_TYPE", message: `found ${quote(url)}`, expected: "a type URL", suggestion };
    });
  }

  /** `{type_url, value}` stands for the message of that type where it is one of ours, else for an extension's data. */
  #typedStruct(structName: string, json: JsonObject, canSkip: boolean): Payload | typeof failed {
    const structType = this.#binder.types.message(structName);
    if (structType === undefined) throw new Error(`assets/envoy-types.tsv lacks ${structName}`);
    const before = this.#binder.options.problems.errorCount;
    const struct = this.#binder.message(structType, json, json, "@type", "@type");
    if (struct === failed || this.#binder.options.problems.errorCount > before) return failed;
    const key = Object.hasOwn(json, "typeUrl") ? "typeUrl" : "type_url";
    const typeName = this.#typeName(json, key);
    if (typeName === failed) return failed;
    const value = isObject(json["value"]) ? json["value"] : {};
    if (!this.#isPlain(typeName)) return this.#message(typeName, value, json, key, canSkip);
    this.#binder.origins.places.set(value, isObject(json["value"]) ? { container: value } : { container: json });
    return { kind: "plain", typeName, value };
  }

  /** An extension may also take a message that Envoy has and Sluice does not. */
  #isPlain(typeName: string): boolean {
    return this.#binder.options.extensionTypes.has(typeName) && !this.#binder.supports(typeName);
  }

  #message(
    typeName: string,
    json: JsonObject,
    holder: JsonObject,
    key: string,
    canSkip: boolean,
    skip?: string,
  ): Payload | typeof failed {
    const type = this.#binder.types.message(typeName);
    if (type === undefined || !this.#binder.supports(typeName)) {
      if (canSkip) return { kind: "skipped", typeName, value: holder };
      return this.#binder.report(holder, key, "value", () => this.#notHere(typeName, type !== undefined));
    }
    const message = this.#binder.message(type, json, holder, key, skip);
    return message === failed ? failed : { kind: "message", typeName, message };
  }

  #notHere(typeName: string, isKnown: boolean): Finding {
    if (isKnown) return { code: "ERR_CONFIG_UNSUPPORTED", message: `${typeName} is not supported by Sluice` };
    const near = this.#nearType(typeName);
    const suggestion = near === undefined ? undefined : `${urlPrefix}${near}`;
    return {
      code: "ERR_CONFIG_UNKNOWN_TYPE",
      message: `no type or installed extension is named ${quote(typeName)}`,
      suggestion,
    };
  }

  /** The name itself, a near miss, or a type of Envoy's extensions with the same last part. */
  #nearType(typeName: string): string | undefined {
    const names = [...this.#binder.types.names(), ...this.#binder.options.extensionTypes];
    if (names.includes(typeName)) return typeName;
    const lastPart = `.${typeName.slice(typeName.lastIndexOf(".") + 1)}`;
    const isSame = (name: string) => name.startsWith("envoy.extensions.") && name.endsWith(lastPart);
    return didYouMean(typeName, names) ?? names.find(isSame);
  }

  /** A type with a JSON form of its own stands under `value`. */
  #wellKnown(typeName: string, json: JsonObject): Payload | typeof failed {
    if (this.#binder.types.message(typeName) === undefined) {
      return this.#binder.report(json, "@type", "value", () => this.#notHere(typeName, false));
    }
    for (const key of Object.keys(json)) {
      if (key === "@type" || key === "value") continue;
      this.#binder.report(json, key, "key", {
        code: "ERR_CONFIG_UNKNOWN_FIELD",
        message: "unknown field",
        expected: `${typeName} under "value"`,
      });
    }
    const message = this.#binder.messageValue(typeName, json["value"] ?? null, json, "value", false, false);
    return message === failed ? failed : { kind: "message", typeName, message: message as Message };
  }
}

function isOptional(holder: object): boolean {
  const { is_optional: snake, isOptional: camel } = holder as { is_optional?: unknown; isOptional?: unknown };
  return snake === true || camel === true;
}

/** The payload stays a message beside it (ConfigTree.payload): nobody needs the bytes, and nobody may take empty ones for them. */
function makeAny(typeUrl: string): Message {
  const any = { $typeName: "google.protobuf.Any", typeUrl };
  const get = () => {
    throw new Error("the value of an Any in a configuration is ConfigTree.payload");
  };
  return Object.defineProperty(any, "value", { get, enumerable: false });
}
