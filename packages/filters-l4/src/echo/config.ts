/** Configuration of echo: envoy.extensions.filters.network.echo.v3.Echo, which has no fields. */
import { parsedBy } from "@sluice/sdk";
import { fieldsOf, refuseUnknown } from "../shared/fields.ts";

export type EchoSettings = Readonly<Record<never, never>>;

export const ECHO_MESSAGES = { "envoy.extensions.filters.network.echo.v3.Echo": [] } as const;

export const echoConfig = parsedBy((value): EchoSettings => {
  refuseUnknown(fieldsOf(value), []);
  return {};
});
