/**
 * Local replies as an operator wants them: other statuses, bodies and headers by condition, and one form of body for all. Where nothing is configured none of
 * this runs. Envoy: LocalReplyConfig.
 */
import type { LocalReplyOptions } from "@sluice/sdk";
import { type LogFilter, createLogFilter } from "../../access-log/log-filter.ts";
import type { LocalRepliesModel, LocalReplyMapperModel, ReplyBodyModel } from "../../config/model.ts";
import { fromBytes, toBytes } from "../../formatter/bytes.ts";
import type { FormatContext } from "../../formatter/context.ts";
import { BODY_FORMAT, type Format, OMITTING_BODY_FORMAT, compileFormat } from "../../formatter/format.ts";
import { type JsonFormat, compileJsonFormat } from "../../formatter/json-format.ts";
import { replyBody } from "../../formatter/reply-body.ts";
import type { FilterRuntime } from "../../runtime/runtime-store.ts";
import { type LocalReplyMessage, OWN, grpcMessageField, grpcStatusOf } from "../chain/local-reply.ts";
import { HeaderField, field } from "../headers/field.ts";
import { ResponseHeaderMap } from "../headers/header-map.ts";
import { HeaderMutations } from "../route/header-mutations.ts";
import { compiled } from "../route/route-match.ts";

const TEXT_PLAIN = new HeaderField("content-type", "text/plain");
const GRPC = new HeaderField("content-type", "application/grpc");
const EMPTY = new Uint8Array(0);

/** The stream, or the request that never became one. */
export type RepliedStream = FormatContext & {
  status: number;
  responseHeaders: ResponseHeaderMap | null;
  readonly isGrpc: boolean;
};

class BodyFormat {
  readonly contentType: HeaderField;
  readonly #format: Format | JsonFormat;

  constructor({ format, omitEmpty, contentType }: ReplyBodyModel) {
    this.contentType = new HeaderField("content-type", contentType);
    this.#format = compiled(
      format.kind === "text"
        ? compileFormat(format.text, omitEmpty ? OMITTING_BODY_FORMAT : BODY_FORMAT)
        : compileJsonFormat(format.json, { omitEmpty, sortKeys: format.sortKeys }),
    );
  }

  /** `body` and the result are byte strings. */
  render(context: FormatContext, body: string): string {
    replyBody.text = body;
    try {
      return this.#format.render(context);
    } finally {
      replyBody.text = "";
    }
  }
}

class Mapper {
  readonly filter: LogFilter;
  readonly status: number;
  /** A byte string. */
  readonly body: string | null;
  readonly format: BodyFormat | null;
  readonly headers: HeaderMutations;

  constructor(model: LocalReplyMapperModel, runtime: FilterRuntime) {
    this.filter = createLogFilter(model.filter, runtime);
    this.status = model.status;
    this.body = model.body === null ? null : toBytes(model.body);
    this.format = model.bodyFormat === null ? null : new BodyFormat(model.bodyFormat);
    this.headers = new HeaderMutations(model.headers);
  }
}

export class LocalReplies {
  readonly #mappers: readonly Mapper[];
  readonly #format: BodyFormat | null;

  /** `runtime` is released by whoever made it. */
  constructor(model: LocalRepliesModel, runtime: FilterRuntime) {
    this.#mappers = model.mappers.map((mapper) => new Mapper(mapper, runtime));
    this.#format = model.body === null ? null : new BodyFormat(model.body);
  }

  /** The reply that `options` (which were checked) become. The stream has status and response headers as conditions and formats see them. */
  rewrite(stream: RepliedStream, options: LocalReplyOptions, isHead: boolean): LocalReplyMessage {
    const headers = new ResponseHeaderMap(options.status);
    addHeaders(headers, options);
    stream.status = options.status;
    stream.responseHeaders = headers;
    const before = textOf(options.body);
    let body = before;
    let format = this.#format;
    const mapper = this.#mapperFor(stream);
    if (mapper !== null) {
      if (mapper.body !== null) body = mapper.body;
      mapper.headers.apply(headers, stream);
      for (const name of OWN) headers.delete(name);
      if (mapper.status !== 0) headers.status = stream.status = mapper.status;
      if (mapper.format !== null) format = mapper.format;
    }
    if (format !== null) body = format.render(stream, body);
    if (stream.isGrpc) return grpcReply(headers, body, options);
    return httpReply(headers, body, body === before ? null : (format?.contentType ?? TEXT_PLAIN), isHead);
  }

  #mapperFor(stream: FormatContext): Mapper | null {
    for (const mapper of this.#mappers) if (mapper.filter.passes(stream)) return mapper;
    return null;
  }
}

function addHeaders(headers: ResponseHeaderMap, { headers: extra }: LocalReplyOptions): void {
  if (extra === undefined) return;
  for (const name of Object.keys(extra)) {
    const value = extra[name]!;
    if (OWN.has(name.toLowerCase())) continue;
    for (const one of typeof value === "string" ? [value] : value) headers.fields.push(field(name, one));
  }
}

function textOf(body: LocalReplyOptions["body"]): string {
  if (body === undefined) return "";
  return typeof body === "string" ? toBytes(body) : Buffer.from(body).toString("latin1");
}

/** Trailers-only: the status is in the headers, the body its message. */
function grpcReply(headers: ResponseHeaderMap, body: string, { grpcStatus }: LocalReplyOptions): LocalReplyMessage {
  if (headers.find("grpc-status") === null)
    headers.fields.push(new HeaderField("grpc-status", String(grpcStatus ?? grpcStatusOf(headers.status))));
  // A JSON body ends in a line break.
  const message = body.endsWith("\n") ? body.slice(0, -1) : body;
  if (message !== "" && headers.find("grpc-message") === null)
    headers.fields.push(grpcMessageField(Buffer.from(message, "latin1")));
  headers.setField(GRPC);
  headers.status = 200;
  return { headers, body: EMPTY };
}

/** `contentType`: of a body that was changed; null: it was not. */
function httpReply(
  headers: ResponseHeaderMap,
  body: string,
  contentType: HeaderField | null,
  isHead: boolean,
): LocalReplyMessage {
  const { status } = headers;
  // Neither has a body, nor a length of one (RFC 9110 sections 8.6 and 15.3.5).
  if (status === 204 || status === 304) return { headers, body: EMPTY };
  headers.fields.unshift(new HeaderField("content-length", String(body.length)));
  if (body !== "") {
    if (contentType !== null) headers.setField(contentType);
    else if (headers.find("content-type") === null) headers.fields.push(TEXT_PLAIN);
  }
  return { headers, body: isHead ? EMPTY : Buffer.from(body, "latin1") };
}

/** A body as text, where an interface wants one. */
export function bodyText(body: Uint8Array): string {
  return fromBytes(Buffer.from(body).toString("latin1"));
}
