/** Configuration of set_filter_state: envoy.extensions.filters.http.set_filter_state.v3.Config. */
import { parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface FilterStateEntry {
  readonly key: string;
  /** With command operators. */
  readonly format: string;
  /** What stands for a value that is missing. */
  readonly missing: string;
  readonly isReadOnly: boolean;
  /** Whether nothing is set where the text comes out empty. */
  readonly skipsEmpty: boolean;
}

export interface SetFilterStateSettings {
  readonly onRequestHeaders: readonly FilterStateEntry[];
}

const VALUE_MESSAGE = "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue";
const FIELDS = ["on_request_headers"];
const VALUE = ["object_key", "factory_key", "format_string", "read_only", "shared_with_upstream", "skip_if_empty"];
const FORMAT = ["text_format", "omit_empty_values"];

export const SET_FILTER_STATE_MESSAGES = {
  "envoy.extensions.filters.http.set_filter_state.v3.Config": FIELDS,
  [VALUE_MESSAGE]: VALUE,
};

/** The one kind of object that a text becomes: the text. */
const STRING_FACTORY = "envoy.string";

export const setFilterStateConfig = parsedBy((value): SetFilterStateSettings => {
  const section = new Section(value, FIELDS);
  return { onRequestHeaders: section.list("on_request_headers", VALUE).map(parseEntry) };
});

function parseEntry(section: Section): FilterStateEntry {
  const key = section.string("object_key");
  if (key === "") throw section.wrong("object_key", "expected the key of the filter state");
  const factory = section.string("factory_key", key);
  if (factory !== STRING_FACTORY)
    throw section.wrong(
      "factory_key",
      `${JSON.stringify(factory)} is no kind of object here, expected ${STRING_FACTORY}`,
    );
  if (section.string("shared_with_upstream", "NONE") !== "NONE")
    throw section.wrong("shared_with_upstream", "expected NONE: connections to upstreams have no filter state");
  const format = section.section("format_string", [...FORMAT, "json_format", "text_format_source", "content_type"]);
  if (format === null) throw section.wrong("format_string", "expected the text to set");
  for (const key of ["json_format", "text_format_source", "content_type"])
    if (format.has(key)) throw format.wrong(key, "expected text_format");
  if (!format.has("text_format")) throw format.wrong("text_format", "expected a text");
  return {
    key,
    format: format.string("text_format"),
    missing: format.boolean("omit_empty_values", false) ? "" : "-",
    isReadOnly: section.boolean("read_only", false),
    skipsEmpty: section.boolean("skip_if_empty", false),
  };
}
