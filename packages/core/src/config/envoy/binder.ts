/** The walk of bind.ts over a value and its message type, side by side. */
import type { Message } from "@bufbuild/protobuf";
import { didYouMean } from "../did-you-mean.ts";
import type { Json } from "../model.ts";
import type { Finding } from "../problems.ts";
import type { Locator, Part } from "../source/source.ts";
import { AnyBinder } from "./any-binder.ts";
import type { BindOptions } from "./bind.ts";
import { isObject, listed, wrongType } from "./describe.ts";
import { failed } from "./failed.ts";
import { readDuration, readEnum, type Reading, readScalar, readTimestamp } from "./read-scalar.ts";
import type { FieldType, MessageType, OneofType, TypeRegistry } from "./registry.ts";
import { checkRules } from "./rules.ts";
import { checkData, listValueMessage, readListValue, readStruct, structMessage, valueMessage } from "./struct.ts";
import type { Origins } from "./tree.ts";
import { isWellKnown, isWrapper, zeroMessage, zeroValue } from "./well-known.ts";

/** protobuf's own limit for nested messages. */
const maxDepth = 100;

export class Binder {
  readonly types: TypeRegistry;
  readonly options: BindOptions;
  readonly origins: Origins = {
    places: new WeakMap(),
    payloads: new WeakMap(),
    damaged: new WeakSet(),
    shifted: new WeakMap(),
  };
  readonly #locator: Locator;
  readonly #any: AnyBinder;
  /** The messages around the one that is being read. */
  readonly #open: object[] = [];

  constructor(types: TypeRegistry, locator: Locator, options: BindOptions) {
    this.types = types;
    this.options = options;
    this.#locator = locator;
    this.#any = new AnyBinder(this);
  }

  root(type: MessageType, json: Json): Message | typeof failed {
    const holder = { root: json };
    const at = isObject(json) ? json : holder;
    if (this.supports(type.name)) return this.message(type, json, holder, "root");
    this.report(at, undefined, "value", {
      code: "ERR_CONFIG_UNSUPPORTED",
      message: `${type.name} is not supported by Sluice`,
    });
    return failed;
  }

  supports(typeName: string): boolean {
    return isWellKnown(typeName) || this.options.supported.has(typeName);
  }

  /** `json` is `holder[key]`; `skip` is a key of it that is no field. */
  message(type: MessageType, json: Json, holder: object, key: string | number, skip?: string): Message | typeof failed {
    if (!isObject(json)) return this.report(holder, key, "value", wrongType(json, `a mapping (${type.name})`));
    if (this.#open.length >= maxDepth) {
      return this.report(holder, key, "value", {
        code: "ERR_CONFIG_TOO_DEEP",
        message: `messages are nested deeper than ${maxDepth} levels`,
      });
    }
    const message = zeroMessage(type);
    this.origins.places.set(message, { container: json });
    this.#open.push(message);
    const present = new Set<FieldType>();
    for (const each of Object.keys(json)) if (each !== skip) this.#entry(type, message, json, each, present);
    this.#checkUnset(type, json, present);
    this.#open.pop();
    return message;
  }

  #entry(
    type: MessageType,
    message: Record<string, unknown>,
    json: { [key: string]: Json },
    key: string,
    present: Set<FieldType>,
  ): void {
    const value = json[key] ?? null;
    const field = type.field(key);
    if (field === undefined) return void this.#unknown(type, json, key);
    const other = key === field.name ? field.jsonName : field.name;
    if (other !== key && key === field.jsonName && Object.hasOwn(json, other)) {
      const finding: Finding = { code: "ERR_CONFIG_DUPLICATE_KEY", message: `${key} and ${other} are the same field` };
      return void this.report(json, key, "key", finding);
    }
    if (value === null && !takesNull(field)) return;
    if (this.#isSecondArm(field, json, key, present)) return;
    present.add(field);
    if (this.#isUnsupported(type, field, json, key)) return;
    const bound = this.#field(field, value, json, key);
    if (bound === failed) return;
    if (field.oneof === null) message[field.jsonName] = bound;
    else message[field.oneof.jsonName] = { case: field.jsonName, value: bound };
    this.#checkRules(field, bound, value, json, key);
  }

  #unknown(type: MessageType, json: object, key: string): void {
    const names = type.fields.map((field) => field.name);
    this.report(json, key, "key", () => {
      const suggestion = didYouMean(key, names);
      const expected = suggestion === undefined && names.length <= 12 ? `one of ${listed(names)}` : undefined;
      return {
        code: "ERR_CONFIG_UNKNOWN_FIELD",
        message: names.length === 0 ? "unknown field, there are none here" : "unknown field",
        expected: names.length === 0 ? undefined : expected,
        suggestion,
      };
    });
  }

  #isSecondArm(field: FieldType, json: object, key: string, present: Set<FieldType>): boolean {
    const first = field.oneof?.fields.find((arm) => present.has(arm));
    if (first === undefined) return false;
    this.report(json, key, "key", {
      code: "ERR_CONFIG_ONEOF",
      message: `only one of ${first.name} and ${field.name} may be set`,
    });
    return true;
  }

  #isUnsupported(type: MessageType, field: FieldType, json: object, key: string): boolean {
    const supported = isWellKnown(type.name) ? "all" : (this.options.supported.get(type.name) ?? new Set<string>());
    if (supported !== "all" && !supported.has(field.name)) {
      this.#unsupported(json, key, `${field.name} is not supported by Sluice`, supported);
      return true;
    }
    if (field.type !== "message" || this.supports(field.typeName)) return false;
    this.#unsupported(json, key, `${field.typeName} is not supported by Sluice`, []);
    return true;
  }

  #unsupported(json: object, key: string, what: string, supported: Iterable<string>): void {
    const names = listed(supported);
    const message = names === "" ? what : `${what}; supported here: ${names}`;
    const finding: Finding = { code: "ERR_CONFIG_UNSUPPORTED", message };
    if (this.options.allowUnsupported) this.options.problems.warning(this.#locator.locate(json, key, "key"), finding);
    else this.report(json, key, "key", finding);
  }

  #field(field: FieldType, json: Json, holder: object, key: string): unknown {
    if (field.shape === "one") return this.#single(field, json, holder, key, field.oneof === null);
    if (field.shape === "list") return this.#list(field, json, holder, key);
    if (!isObject(json)) return this.report(holder, key, "value", wrongType(json, "a mapping"));
    const map: Record<string, unknown> = {};
    for (const name of Object.keys(json)) {
      const wrongKey = field.mapKey === "string" ? undefined : readScalar(field.mapKey, name).wrong;
      const value =
        wrongKey === undefined
          ? this.#single(field, json[name] ?? null, json, name, false)
          : this.report(json, name, "key", wrongKey);
      if (value !== failed)
        Object.defineProperty(map, name, { value, writable: true, enumerable: true, configurable: true });
    }
    return map;
  }

  #list(field: FieldType, json: Json, holder: object, key: string): unknown {
    if (!Array.isArray(json)) return this.report(holder, key, "value", wrongType(json, "a list"));
    const list: unknown[] = [];
    const indices: number[] = [];
    for (const [index, element] of json.entries()) {
      const value = this.#single(field, element, json, index, false);
      if (value === failed) continue;
      list.push(value);
      indices.push(index);
    }
    if (list.length < json.length) this.origins.shifted.set(json, indices);
    return list;
  }

  /** `isBare`: a wrapper is its scalar here. */
  #single(field: FieldType, json: Json, holder: object, key: string | number, isBare: boolean): unknown {
    if (field.type === "enum") {
      if (field.typeName === "google.protobuf.NullValue" && json === null) return 0;
      const type = this.types.enumeration(field.typeName);
      return type === undefined ? missing(field.typeName) : this.#take(readEnum(type, json), holder, key);
    }
    if (field.type !== "message") return this.#take(readScalar(field.type, json), holder, key);
    return this.messageValue(field.typeName, json, holder, key, isBare, true);
  }

  /** A message by name, also one with a JSON form of its own; `isField`: a Struct is its JSON. */
  messageValue(
    typeName: string,
    json: Json,
    holder: object,
    key: string | number,
    isBare: boolean,
    isField: boolean,
  ): unknown {
    const type = this.types.message(typeName) ?? missing(typeName);
    if (isWrapper(typeName)) {
      const scalar = type.fields[0]?.type as Parameters<typeof readScalar>[0];
      const value = this.#take(readScalar(scalar, json), holder, key);
      return isBare || value === failed ? value : this.#placed({ $typeName: typeName, value }, holder, key);
    }
    switch (typeName) {
      case "google.protobuf.Any":
        return this.#any.any(json, holder, key);
      case "google.protobuf.Duration":
        return this.#placed(this.#take(readDuration(json), holder, key), holder, key);
      case "google.protobuf.Timestamp":
        return this.#placed(this.#take(readTimestamp(json), holder, key), holder, key);
      case "google.protobuf.Struct": {
        const struct = this.#take(readStruct(json), holder, key);
        return isField || struct === failed ? struct : this.#placed(structMessage(struct), holder, key);
      }
      case "google.protobuf.ListValue": {
        const list = this.#take(readListValue(json), holder, key);
        return list === failed ? failed : this.#placed(listValueMessage(list), holder, key);
      }
      case "google.protobuf.Value": {
        const data = this.#take(checkData(json), holder, key);
        return data === failed ? failed : this.#placed(valueMessage(data), holder, key);
      }
    }
    return this.message(type, json, holder, key);
  }

  #take<T>(reading: Reading<T>, holder: object, key: string | number): T | typeof failed {
    return reading.wrong === undefined ? reading.value : this.report(holder, key, "value", reading.wrong);
  }

  #placed<T>(value: T, container: object, key: string | number): T {
    if (typeof value === "object" && value !== null) this.origins.places.set(value, { container, key });
    return value;
  }

  #checkRules(field: FieldType, bound: unknown, json: Json, holder: object, key: string): void {
    if (field.rules === null) return;
    const enumeration = field.type === "enum" ? this.types.enumeration(field.typeName) : undefined;
    const left = field.shape === "one" ? 0 : Object.keys(json ?? {}).length - Object.keys(bound as object).length;
    for (const { element, finding } of checkRules(field, bound, enumeration, left)) {
      if (element === undefined) this.report(holder, key, "value", finding);
      else this.report(json as object, this.#written(json as object, element), "value", finding);
    }
  }

  /** An element's index in the source, where some before it were left out. */
  #written(list: object, element: string | number): string | number {
    return typeof element === "number" ? (this.origins.shifted.get(list)?.[element] ?? element) : element;
  }

  /** Rules that an absent field breaks: required ones, and those that the zero of a field without presence does not satisfy. */
  #checkUnset(type: MessageType, json: object, present: Set<FieldType>): void {
    for (const oneof of type.oneofs) {
      if (oneof.isRequired && !oneof.fields.some((arm) => present.has(arm))) this.#missingArm(type, oneof, json);
    }
    for (const field of type.fields) {
      if (present.has(field) || field.oneof !== null || field.rules === null) continue;
      const zero = zeroValue(field);
      const isMissing = zero === undefined ? field.rules.required === true : checkRules(field, zero).length > 0;
      if (isMissing)
        this.report(json, undefined, "value", { code: "ERR_CONFIG_REQUIRED", message: `${field.name} is missing` });
    }
  }

  #missingArm(type: MessageType, oneof: OneofType, json: object): void {
    const supported = this.options.supported.get(type.name) ?? "all";
    const arms = oneof.fields.map((arm) => arm.name).filter((name) => supported === "all" || supported.has(name));
    const message = arms.length === 1 ? `${arms[0]} is missing` : `one of ${listed(arms)} is missing`;
    this.report(json, undefined, "value", { code: "ERR_CONFIG_REQUIRED", message });
  }

  /** Reports an error at `container[key]` and marks the messages around it. */
  report(
    container: object,
    key: string | number | undefined,
    part: Part,
    finding: Finding | (() => Finding),
  ): typeof failed {
    for (const message of this.#open) this.origins.damaged.add(message);
    const { problems } = this.options;
    if (!problems.isFull)
      problems.error(this.#locator.locate(container, key, part), typeof finding === "function" ? finding() : finding);
    return failed;
  }
}

/** Where null is a value; elsewhere it leaves a field unset. */
function takesNull(field: FieldType): boolean {
  return (
    field.shape === "one" &&
    (field.typeName === "google.protobuf.Value" || field.typeName === "google.protobuf.NullValue")
  );
}

function missing(typeName: string): never {
  throw new Error(`assets/envoy-types.tsv lacks ${typeName}`);
}
