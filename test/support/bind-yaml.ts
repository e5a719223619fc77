/** Binds YAML text to a message of Envoy's API, for tests: what came of it, and the problems as lines without the file's name. */
import type { Message } from "@bufbuild/protobuf";
import { type BindOptions, bind } from "../../packages/core/src/config/envoy/bind.ts";
import { envoyTypes } from "../../packages/core/src/config/envoy/registry.ts";
import type { ConfigTree } from "../../packages/core/src/config/envoy/tree.ts";
import { Problems } from "../../packages/core/src/config/problems.ts";
import { parseSource } from "../../packages/core/src/config/source/parse-source.ts";
import type { YamlSource } from "../../packages/core/src/config/source/yaml-source.ts";

/** Everything that the protos know. */
export const allSupported: BindOptions["supported"] = new Map([...envoyTypes().names()].map((name) => [name, "all"]));

export interface BoundYaml<T extends Message> {
  readonly tree: ConfigTree<T>;
  readonly source: YamlSource;
  readonly problems: Problems;
  /** As in `2:3 admin.adress unknown field; did you mean "address"?` */
  readonly lines: string[];
}

export function bindYaml<T extends Message>(
  typeName: T["$typeName"],
  text: string,
  options: Partial<BindOptions> = {},
): BoundYaml<T> {
  const problems = new Problems();
  const source = parseSource(text, "f", problems);
  if (source.root === undefined) throw new Error(problems.format());
  const defaults = { supported: allSupported, allowUnsupported: false, extensionTypes: new Set<string>(), problems };
  const tree = bind<T>(typeName, source.root, source, { ...defaults, ...options });
  return { tree, source, problems, lines: problemLines(problems) };
}

export function problemLines(problems: Problems): string[] {
  const lines = problems.format().split("\n").slice(0, -2);
  return lines.map((line) => line.replace(/^f:/, "").replaceAll("  ", " "));
}
