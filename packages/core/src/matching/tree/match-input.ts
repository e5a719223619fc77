/** Hot path. Where matcher trees read their values: headers, query, addresses, TLS, what filters left. One small object for each input that is configured. */
import type { MatchInputModel } from "../../config/match-model.ts";
import { valueOf } from "../../http/headers/value-of.ts";
import { decodedQueryParameter } from "../../http/query-parameter.ts";
import type { HeaderMap } from "../../http/headers/header-map.ts";
import { stateText, valueAt } from "../value-matcher.ts";
import type { HttpMatchData } from "./match-data.ts";
import { NOT_YET } from "./match-result.ts";
import { isLocalSource } from "./source-type.ts";

/** A text, but for `dynamic_metadata`; undefined: there is none; `NOT_YET`: it may still come. */
export interface MatchInput<Data> {
  read(data: Data): unknown;
}

/** The inputs of `kind`s that read headers need an HTTP stream; all others a connection alone. */
export class StandardInput implements MatchInput<HttpMatchData> {
  readonly #model: MatchInputModel;
  /** Header or parameter, as it is looked up. */
  readonly #name: string;

  constructor(model: MatchInputModel) {
    this.#model = model;
    const name = "name" in model ? model.name : "";
    this.#name = model.kind === "query_parameter" ? name : name.toLowerCase();
  }

  read(data: HttpMatchData): unknown {
    const model = this.#model;
    switch (model.kind) {
      case "request_header":
        return valueOf(data.requestHeaders, this.#name) ?? undefined;
      case "request_trailer":
        return this.#field(data.requestTrailers);
      case "response_header":
        return this.#field(data.responseHeaders);
      case "response_trailer":
        return this.#field(data.responseTrailers);
      case "query_parameter":
        return decodedQueryParameter(data.requestHeaders.path, this.#name) ?? undefined;
      case "status_code":
        return data.responseHeaders === null ? NOT_YET : String(data.responseHeaders.status);
      case "status_code_class":
        return data.responseHeaders === null ? NOT_YET : `${Math.floor(data.responseHeaders.status / 100)}xx`;
      case "destination_ip":
        return textOf(data.connection.local.ip);
      case "destination_port":
        return portOf(data.connection.local.port);
      case "source_ip":
        return textOf(data.remote.ip);
      case "source_port":
        return portOf(data.remote.port);
      case "direct_source_ip":
        return textOf(data.connection.directRemote.ip);
      case "source_type":
        return isLocalSource(data.remote, data.connection.local) ? "local" : undefined;
      case "server_name":
        return textOf(data.connection.requestedServerName);
      case "transport_protocol":
        return textOf(data.connection.transportProtocol) ?? (data.connection.tls === null ? "raw_buffer" : "tls");
      case "application_protocol":
        return quotedList(data.connection.applicationProtocols);
      case "uri_san":
        return joined(data.connection.tls?.peerUriSans);
      case "dns_san":
        return joined(data.connection.tls?.peerDnsSans);
      case "subject":
        return textOf(data.connection.tls?.peerSubject ?? "");
      case "filter_state":
        return stateText(data.filterState.get(model.key)) ?? undefined;
      case "dynamic_metadata":
        return valueAt(data.metadata.get(model.filter), model.path);
    }
  }

  #field(headers: HeaderMap | null): unknown {
    if (headers === null) return NOT_YET;
    const { fields } = headers;
    const name = this.#name;
    let value: string | undefined;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      if (field.name === name) value = value === undefined ? field.value : `${value},${field.value}`;
    }
    return value;
  }
}

function textOf(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function portOf(port: number): string | undefined {
  return port === 0 ? undefined : String(port);
}

function joined(names: readonly string[] | undefined): string | undefined {
  return names === undefined || names.length === 0 ? undefined : names.join(",");
}

/** `'h2','http/1.1'`, as Envoy gives it. */
function quotedList(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `'${names.join("','")}'`;
}
