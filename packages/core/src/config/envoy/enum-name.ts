/** Names of enum values, for code that reads messages: the generated types have no enums at run time. */
import { envoyTypes } from "./registry.ts";

/** As in `enumName("envoy.config.cluster.v3.Cluster.LbPolicy", 0)`: `ROUND_ROBIN`; the number as text where it has no name. */
export function enumName(typeName: string, value: number): string {
  const type = envoyTypes().enumeration(typeName);
  if (type === undefined) throw new Error(`${typeName} is no enum of Envoy's API`);
  return type.nameOf(value) ?? String(value);
}
