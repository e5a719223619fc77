/** HTTP/2 as one implementation of the codec interface. */
import type { Connection } from "../../../network/connection.ts";
import type { ClientCallbacks, ServerCallbacks } from "../codec.ts";
import { Http2ClientCodec } from "./client-codec.ts";
export type { Http2ClientCodec } from "./client-codec.ts";
import type { Http2Environment, Http2Options } from "./options.ts";
import { Http2ServerCodec } from "./server-codec.ts";

export {
  HTTP2_CLIENT_DEFAULTS,
  HTTP2_SERVER_DEFAULTS,
  type Http2Environment,
  type Http2Keepalive,
  type Http2Options,
  type Http2Stats,
  NO_HTTP2_STATS,
} from "./options.ts";
export { HTTP_2 } from "./server-stream.ts";
export { DETAILS as HTTP2_DETAILS } from "./details.ts";

export function createHttp2ServerCodec(
  connection: Connection,
  callbacks: ServerCallbacks,
  options: Http2Options,
  environment: Http2Environment,
): Http2ServerCodec {
  return new Http2ServerCodec(connection, callbacks, options, environment);
}

export function createHttp2ClientCodec(
  connection: Connection,
  callbacks: ClientCallbacks,
  options: Http2Options,
  environment: Http2Environment,
): Http2ClientCodec {
  return new Http2ClientCodec(connection, callbacks, options, environment);
}
