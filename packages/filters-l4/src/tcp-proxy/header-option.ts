/** A header to add: envoy.config.core.v3.HeaderValueOption, read and applied. */
import { ConfigError, type Format, type Formats, type Headers, type NetworkConnection } from "@sluice/sdk";
import { booleanOf, type Fields, fieldsOf, refuseUnknown, textOf } from "../shared/fields.ts";

type Path = ReadonlyArray<string | number>;
type Action = "append" | "add_if_absent" | "overwrite_or_add" | "overwrite_if_exists";

export interface HeaderOption {
  /** Lower-case. */
  readonly name: string;
  /** A format. */
  readonly text: string;
  readonly action: Action;
  readonly keepsEmpty: boolean;
}

const OPTION = ["header", "append", "append_action", "keep_empty_value"] as const;
const HEADER = ["key", "value", "raw_value"] as const;

const ACTIONS: Readonly<Record<string, Action>> = {
  "": "append",
  APPEND_IF_EXISTS_OR_ADD: "append",
  ADD_IF_ABSENT: "add_if_absent",
  OVERWRITE_IF_EXISTS_OR_ADD: "overwrite_or_add",
  OVERWRITE_IF_EXISTS: "overwrite_if_exists",
};

/** RFC 9110 section 5.6.2. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What the tunnel's own head says, and what belongs to one hop. */
const OWN = new Set([
  "host",
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** @throws ConfigError */
export function headerOptionOf(entry: unknown, path: Path): HeaderOption {
  const fields = fieldsOf(entry, path);
  refuseUnknown(fields, OPTION, path);
  const headerPath = [...path, "header"];
  const header = fieldsOf(fields["header"], headerPath);
  refuseUnknown(header, HEADER, headerPath);
  const name = textOf(header, "key", headerPath).toLowerCase();
  if (!NAME.test(name) || OWN.has(name))
    throw new ConfigError(`${JSON.stringify(name)} cannot be set here, expected the name of an end-to-end header`, [
      ...headerPath,
      "key",
    ]);
  return {
    name,
    text: valueOf(header, headerPath),
    action: actionOf(fields, path),
    keepsEmpty: booleanOf(fields, "keep_empty_value", path),
  };
}

function valueOf(header: Fields, path: Path): string {
  const raw = textOf(header, "raw_value", path);
  const value = textOf(header, "value", path);
  if (raw === "") return value;
  if (value !== "") throw new ConfigError("value and raw_value are both set", [...path, "raw_value"]);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(raw), (c) => c.charCodeAt(0)));
  } catch {
    throw new ConfigError("expected UTF-8 text in base64", [...path, "raw_value"]);
  }
}

function actionOf(fields: Fields, path: Path): Action {
  const name = textOf(fields, "append_action", path);
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name]! : undefined;
  if (action === undefined)
    throw new ConfigError(`expected one of ${Object.keys(ACTIONS).slice(1).join(", ")}`, [...path, "append_action"]);
  if ((fields["append"] ?? undefined) === undefined) return action;
  if (name !== "" && name !== "APPEND_IF_EXISTS_OR_ADD")
    throw new ConfigError("append and append_action are both set, expected append_action alone", [...path, "append"]);
  return booleanOf(fields, "append", path) ? "append" : "overwrite_or_add";
}

export class HeaderAddition {
  readonly #option: HeaderOption;
  readonly #format: Format;

  /** @throws ConfigError where the text is no format. */
  constructor(option: HeaderOption, formats: Formats) {
    this.#option = option;
    this.#format = formats.compile(option.text);
  }

  apply(headers: Headers, connection: NetworkConnection): void {
    const { name, action, keepsEmpty } = this.#option;
    const value = this.#format.constant ?? this.#format.render(connection);
    if (value === "" && !keepsEmpty) return;
    if (action === "append") headers.append(name, value);
    else if (action === "overwrite_or_add" || headers.has(name) === (action === "overwrite_if_exists"))
      headers.set(name, value);
  }
}
