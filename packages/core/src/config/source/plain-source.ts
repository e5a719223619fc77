/** The source of a value that was never text here (a TypeScript configuration, a control plane): paths, no positions. */
import type { Json } from "../model.ts";
import type { Location } from "../problems.ts";
import { joinPath } from "./path.ts";
import type { JsonObject, Source } from "./source.ts";

export class PlainSource implements Source {
  readonly file: string;
  readonly root: JsonObject;
  #paths: Map<object, string> | null = null;

  constructor(file: string, root: JsonObject) {
    this.file = file;
    this.root = root;
  }

  locate(container: object, key?: string | number): Location {
    this.#paths ??= pathsOf(this.root);
    const own = this.#paths.get(container);
    const path = own === undefined ? "" : key === undefined ? own : joinPath(own, key);
    return { file: this.file, line: 0, column: 0, path };
  }
}

/** The path of every object and array below `root`; where one is used twice, its first. Bounded by what exists: cycles end. */
function pathsOf(root: JsonObject): Map<object, string> {
  const paths = new Map<object, string>([[root, ""]]);
  const todo: object[] = [root];
  for (let holder = todo.pop(); holder !== undefined; holder = todo.pop()) {
    const path = paths.get(holder) ?? "";
    const entries: Iterable<[string | number, Json]> = Array.isArray(holder)
      ? holder.entries()
      : Object.entries(holder);
    for (const [key, value] of entries) {
      if (typeof value !== "object" || value === null || paths.has(value)) continue;
      paths.set(value, joinPath(path, key));
      todo.push(value);
    }
  }
  return paths;
}
