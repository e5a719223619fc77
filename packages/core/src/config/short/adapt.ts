/** The adapter from the short form to Envoy's bootstrap: plain data to plain data, with the way back to what the user wrote. */
import type { Json } from "../model.ts";
import { DerivedSource } from "../source/derived-source.ts";
import type { JsonObject, Source } from "../source/source.ts";
import { longAddress, readAddress } from "./address.ts";
import { adaptClusters } from "./clusters.ts";
import { extensionEntry } from "../extensions.ts";
import { adaptListener } from "./listener.ts";
import { adaptObserve } from "./observe.ts";
import { isMapping } from "../is-mapping.ts";
import { Section } from "./section.ts";
import { ShortContext, type ShortOptions } from "./short-context.ts";

/** A source whose root is the bootstrap that `source`, a configuration in the short form, means. */
export function adaptShortForm(
  source: Source & { readonly root: JsonObject },
  options: Omit<ShortOptions, "base" | "derived">,
): DerivedSource {
  const derived = new DerivedSource(source);
  const context = new ShortContext({ ...options, base: source, derived });
  const section = Section.at(context, "configuration", { root: source.root }, "root");
  if (section !== undefined) derived.root = adaptConfiguration(section);
  return derived;
}

function adaptConfiguration(section: Section): JsonObject {
  const { context } = section;
  const root = section.make<JsonObject>({});
  const node = section.section("node", "node");
  if (node !== undefined) {
    const made = node.make<JsonObject>({});
    node.copyAll({ id: "id", cluster: "cluster" }, made);
    section.put(root, "node", made, "node");
  }
  const resources = section.make<JsonObject>({});
  const listeners = section.list("listeners");
  if (listeners !== undefined)
    section.put(resources, "listeners", section.make(adaptListeners(context, listeners), "listeners"), "listeners");
  const clusters = section.mapping("clusters");
  if (clusters !== undefined)
    section.put(resources, "clusters", section.make(adaptClusters(context, clusters), "clusters"), "clusters");
  root["static_resources"] = resources;
  if (section.has("admin")) {
    const address = readAddress(context, section.value, "admin");
    if (address !== undefined)
      section.put(
        root,
        "admin",
        section.make({ address: longAddress(context, address, section.value, "admin") }, "admin"),
        "admin",
      );
  }
  const extensions = section.list("extensions");
  const bootstrapExtensions = [
    ...(extensions === undefined ? [] : adaptExtensions(section, extensions)),
    ...adaptObserve(section),
  ];
  if (bootstrapExtensions.length > 0)
    section.put(root, "bootstrap_extensions", section.make(bootstrapExtensions, "extensions"), "extensions");
  return root;
}

function adaptListeners(context: ShortContext, listeners: Json[]): Json[] {
  const made: Json[] = [];
  for (const index of listeners.keys()) {
    const section = Section.at(context, "listener", listeners, index);
    if (section !== undefined) made.push(adaptListener(section));
  }
  return made;
}

function adaptExtensions(section: Section, extensions: Json[]): Json[] {
  const made: Json[] = [];
  const mark = (index: number, entry: JsonObject) => made.push(section.context.derived.mark(entry, extensions, index));
  for (const [index, extension] of extensions.entries()) {
    if (typeof extension === "string") mark(index, extensionEntry(extension));
    // Others were refused when extensions were loaded.
    else if (isMapping(extension) && typeof extension["module"] === "string")
      mark(index, extensionEntry(extension["module"], extension));
  }
  return made;
}
