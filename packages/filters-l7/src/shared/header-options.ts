/** Headers to add as configurations write them: envoy.config.core.v3.HeaderValueOption. */
import type { Section } from "./section.ts";

export const HEADER_VALUE_OPTION = ["header", "append", "append_action", "keep_empty_value"];
export const HEADER_VALUE = ["key", "value", "raw_value"];

export type AppendAction = "append" | "add_if_absent" | "overwrite_or_add" | "overwrite_if_exists";

export interface HeaderOption {
  /** Lower-case. */
  readonly name: string;
  /** With command operators. */
  readonly text: string;
  readonly action: AppendAction;
  readonly keepEmpty: boolean;
}

const ACTIONS: Readonly<Record<string, AppendAction>> = {
  APPEND_IF_EXISTS_OR_ADD: "append",
  ADD_IF_ABSENT: "add_if_absent",
  OVERWRITE_IF_EXISTS_OR_ADD: "overwrite_or_add",
  OVERWRITE_IF_EXISTS: "overwrite_if_exists",
};

/** RFC 9110 section 5.6.2. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @throws ConfigError */
export function parseHeaderOption(section: Section): HeaderOption {
  const header = section.section("header", HEADER_VALUE);
  if (header === null) throw section.wrong("header", "expected the header to add");
  return {
    name: headerName(header, "key"),
    text: headerText(header),
    action: appendAction(section),
    keepEmpty: section.boolean("keep_empty_value", false),
  };
}

/** A name in lower case; `host` and pseudo-headers are none. @throws ConfigError */
export function headerName(section: Section, key: string): string {
  const name = section.string(key).toLowerCase();
  if (!NAME.test(name) || name === "host")
    throw section.wrong(key, `${JSON.stringify(name)} cannot be changed here, expected the name of a header`);
  return name;
}

function headerText(header: Section): string {
  const raw = header.string("raw_value");
  if (raw === "") return header.string("value");
  if (header.string("value") !== "") throw header.wrong("raw_value", "value and raw_value are both set");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(raw), (c) => c.charCodeAt(0)));
  } catch {
    throw header.wrong("raw_value", "expected UTF-8 text in base64");
  }
}

function appendAction(section: Section): AppendAction {
  if (section.has("append")) {
    if (section.has("append_action")) throw section.wrong("append", "append and append_action are both set");
    return section.boolean("append", true) ? "append" : "overwrite_or_add";
  }
  const written = section.string("append_action", "APPEND_IF_EXISTS_OR_ADD");
  const action = Object.hasOwn(ACTIONS, written) ? ACTIONS[written] : undefined;
  if (action === undefined) throw section.wrong("append_action", `expected one of ${Object.keys(ACTIONS).join(", ")}`);
  return action;
}
