/** Configuration of set_metadata: envoy.extensions.filters.http.set_metadata.v3.Config. */
import { parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface MetadataEntry {
  readonly namespace: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Whether values go into a namespace that is there already. */
  readonly allowsOverwrite: boolean;
}

export interface SetMetadataSettings {
  readonly entries: readonly MetadataEntry[];
}

const PACKAGE = "envoy.extensions.filters.http.set_metadata.v3";
const FIELDS = ["metadata_namespace", "value", "metadata"];
const METADATA = ["metadata_namespace", "allow_overwrite", "value"];

export const SET_METADATA_MESSAGES = { [`${PACKAGE}.Config`]: FIELDS, [`${PACKAGE}.Metadata`]: METADATA };

export const setMetadataConfig = parsedBy((value): SetMetadataSettings => {
  const section = new Section(value, FIELDS);
  const entries: MetadataEntry[] = [];
  // The older form of one entry.
  if (section.has("value") || section.has("metadata_namespace")) entries.push(parseEntry(section, true));
  for (const each of section.list("metadata", METADATA))
    entries.push(parseEntry(each, each.boolean("allow_overwrite", false)));
  return { entries };
});

function parseEntry(section: Section, allowsOverwrite: boolean): MetadataEntry {
  const namespace = section.string("metadata_namespace");
  if (namespace === "") throw section.wrong("metadata_namespace", "expected the namespace of the metadata");
  const values = section.get("value") ?? {};
  if (typeof values !== "object" || Array.isArray(values)) throw section.wrong("value", "expected a mapping");
  return { namespace, values: values as Readonly<Record<string, unknown>>, allowsOverwrite };
}
