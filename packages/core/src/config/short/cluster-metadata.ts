/** What clusters say that Envoy has no field for: namespaces of their metadata. Several keys of the short form may have one. */
import type { JsonObject } from "../source/source.ts";
import { isMapping } from "../is-mapping.ts";
import type { Section } from "./section.ts";

/** `from`: the key that it comes from. */
export function addMetadata(
  section: Section,
  made: JsonObject,
  namespace: string,
  values: JsonObject,
  from: string,
): void {
  const metadata = made["metadata"];
  const namespaces = isMapping(metadata) ? metadata["filter_metadata"] : undefined;
  if (isMapping(namespaces)) {
    namespaces[namespace] = values;
    section.context.derived.markEntry(namespaces, namespace, section.value, from);
  } else made["metadata"] = section.make({ filter_metadata: section.make({ [namespace]: values }, from) }, from);
}
