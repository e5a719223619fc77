/** Hot path. A header of a request as conditions read it: also the parts that are no entries. */
import type { RequestHeaderMap } from "./header-map.ts";

/** Value of a header or pseudo-header, several lines joined; null where there is none. */
export function valueOf(headers: RequestHeaderMap, name: string): string | null {
  switch (name) {
    case ":method":
      return headers.method;
    case ":path":
      return some(headers.path);
    case ":authority":
    case "host":
      return some(headers.authority);
    case ":scheme":
      return some(headers.scheme);
    case "upgrade":
      return some(headers.upgrade);
    case "connection":
      // Of its options only this one goes beyond the hop, and no codec keeps how the client spelt it.
      return headers.upgrade === "" ? null : "Upgrade";
    default: {
      const { fields } = headers;
      let joined: string | null = null;
      for (let i = 0; i < fields.length; i++) {
        const f = fields[i]!;
        if (f.name === name) joined = joined === null ? f.value : `${joined},${f.value}`;
      }
      return joined;
    }
  }
}

function some(value: string): string | null {
  return value === "" ? null : value;
}
