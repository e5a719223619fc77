/** The `proxy-status` header (RFC 9209): what this proxy thinks has gone wrong with a response, from its flags. Envoy: ProxyStatusUtils. */
import type { ResponseFlag } from "@sluice/sdk";
import type { ProxyStatusModel } from "../../config/model.ts";
import type { FormatContext } from "../../formatter/context.ts";
import { toBytes } from "../../formatter/bytes.ts";
import { HeaderField } from "../headers/field.ts";
import type { ResponseHeaderMap } from "../headers/header-map.ts";

/** In the order in which Envoy asks: the first flag that is set names the error; RFC 9209 section 2.3 recommends the status. */
const ERRORS: ReadonlyArray<readonly [flag: ResponseFlag, error: string, status: number]> = [
  ["LH", "destination_unavailable", 503],
  ["UH", "destination_unavailable", 503],
  ["UT", "http_response_timeout", 504],
  ["LR", "connection_timeout", 504],
  ["UR", "connection_terminated", 502],
  ["UF", "connection_refused", 502],
  ["UC", "connection_terminated", 502],
  ["UO", "connection_limit_reached", 503],
  ["NR", "destination_not_found", 500],
  ["RL", "connection_limit_reached", 503],
  ["UAEX", "http_request_denied", 403],
  ["RLSE", "connection_limit_reached", 503],
  ["URX", "destination_unavailable", 503],
  ["SI", "http_response_timeout", 504],
  ["IH", "http_request_error", 400],
  ["DPE", "http_request_error", 400],
  ["UMSDR", "http_response_timeout", 504],
  ["NFCF", "proxy_configuration_error", 500],
  ["UPE", "http_protocol_error", 502],
  ["NC", "destination_unavailable", 503],
  ["DF", "dns_error", 502],
];

const TOKEN = /^[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*$/;

export class ProxyStatus {
  readonly #model: ProxyStatusModel;
  readonly #name: string;

  constructor(model: ProxyStatusModel) {
    this.#model = model;
    this.#name = TOKEN.test(model.name) ? model.name : quoted(model.name);
  }

  apply(stream: FormatContext, headers: ResponseHeaderMap): void {
    const found = ERRORS.find(([flag]) => stream.hasFlag(flag));
    if (found === undefined) return;
    const [, error, status] = found;
    const before = headers.get("proxy-status");
    const details = this.#details(stream);
    const member = `${this.#name}; error=${error}${details === "" ? "" : `; details=${quoted(details)}`}`;
    headers.setField(new HeaderField("proxy-status", before === undefined ? member : `${before}, ${member}`));
    if (this.#model.setsStatus) headers.status = status;
  }

  #details({ details, flags, upstreamFailure }: FormatContext): string {
    const { withDetails, withTermination, withFlags } = this.#model;
    const parts: string[] = [];
    if (withDetails && details !== "") parts.push(details);
    if (withDetails && withTermination && upstreamFailure !== "") parts.push(upstreamFailure);
    if (withDetails && withFlags) parts.push(flags.join(","));
    return parts.join("; ");
  }
}

/** A String of RFC 8941: printable ASCII. */
function quoted(text: string): string {
  return `"${toBytes(text)
    .replace(/[^\x20-\x7e]/g, "?")
    .replace(/["\\]/g, "\\$&")}"`;
}
