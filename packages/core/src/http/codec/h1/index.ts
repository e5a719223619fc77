/** HTTP/1 as one implementation of the codec interface. */
import type { CreateClientCodec, CreateServerCodec } from "../codec.ts";
import { Http1ClientCodec } from "./client-codec.ts";
import { Http1ServerCodec } from "./server-codec.ts";

export const createHttp1ServerCodec: CreateServerCodec = (connection, callbacks, options, flushQueue) =>
  new Http1ServerCodec(connection, callbacks, options, flushQueue);

export const createHttp1ClientCodec: CreateClientCodec = (connection, callbacks, options, flushQueue) =>
  new Http1ClientCodec(connection, callbacks, options, flushQueue);
