/** Paths as problems print them: `static_resources.listeners[0].typed_per_filter_config["a.b"]`. */

const plainKey = /^[A-Za-z_$@][\w$@-]*$/;

export function joinPath(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (!plainKey.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}
