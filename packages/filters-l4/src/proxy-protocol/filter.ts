/** proxy_protocol: takes the header that a load balancer puts before a connection's bytes, and makes its addresses those of the connection. */
import { Continue, type Counter, type ListenerConnection, type ListenerFilter, type Stats, Stop } from "@sluice/sdk";
import type { ListenerVerdict } from "@sluice/sdk";
import type { ProxyProtocolSettings } from "./config.ts";
import { type ProxyHeader, V1_PREFIX, V2_SIGNATURE, beginsAs, parseTlvs, parseV1, parseV2 } from "./header.ts";

class VersionStats {
  readonly found: Counter;
  readonly disallowed: Counter;
  readonly error: Counter;

  constructor(stats: Stats, prefix: string) {
    this.found = stats.counter(`${prefix}.found`);
    this.disallowed = stats.counter(`${prefix}.disallowed`);
    this.error = stats.counter(`${prefix}.error`);
  }
}

export class ProxyProtocolFilter implements ListenerFilter {
  readonly #settings: ProxyProtocolSettings;
  readonly #v1: VersionStats;
  readonly #v2: VersionStats;
  readonly #notFoundAllowed: Counter;
  readonly #notFoundDisallowed: Counter;
  readonly #errors: Counter;

  /** `stats`: the root of the tree. */
  constructor(settings: ProxyProtocolSettings, stats: Stats) {
    this.#settings = settings;
    const prefix = `proxy_proto.${settings.statPrefix}`;
    this.#v1 = new VersionStats(stats, `${prefix}versions.v1`);
    this.#v2 = new VersionStats(stats, `${prefix}versions.v2`);
    this.#notFoundAllowed = stats.counter(`${prefix}not_found_allowed`);
    this.#notFoundDisallowed = stats.counter(`${prefix}not_found_disallowed`);
    this.#errors = stats.counter("downstream_cx_proxy_proto_error");
  }

  onPeek(data: Uint8Array, connection: ListenerConnection): ListenerVerdict {
    const { allowsRequestsWithout, takesV1, takesV2 } = this.#settings;
    const isV1 = beginsAs(data, V1_PREFIX);
    if (!isV1 && !beginsAs(data, V2_SIGNATURE)) return this.#without(connection);
    const isTaken = isV1 ? takesV1 : takesV2;
    // What may come without a header may come with one that is not taken for one.
    if (!isTaken && allowsRequestsWithout) return this.#without(connection);
    const stats = isV1 ? this.#v1 : this.#v2;
    if (data.length < (isV1 ? V1_PREFIX : V2_SIGNATURE).length) return Stop;
    if (!isTaken) {
      stats.disallowed.inc();
      connection.close("now", "proxy_protocol_disallowed");
      return Continue;
    }
    const header = isV1 ? parseV1(data) : parseV2(data);
    if (header === "incomplete") return Stop;
    if (header === "malformed" || !this.#keepTlvs(header, connection)) return this.#refuse(stats.error, connection);
    stats.found.inc();
    connection.consume(header.length);
    if (header.source !== null) connection.setRemoteAddress(header.source.ip, header.source.port);
    if (header.destination !== null) connection.setLocalAddress(header.destination.ip, header.destination.port);
    return Continue;
  }

  #without(connection: ListenerConnection): ListenerVerdict {
    if (!this.#settings.allowsRequestsWithout) return this.#refuse(this.#notFoundDisallowed, connection);
    this.#notFoundAllowed.inc();
    return Continue;
  }

  #refuse(counter: Counter, connection: ListenerConnection): ListenerVerdict {
    counter.inc();
    this.#errors.inc();
    connection.close("now", "proxy_protocol_error");
    return Continue;
  }

  /** false: they are malformed. Nobody looks at them where nobody wants one, as in Envoy. */
  #keepTlvs({ tlvs }: ProxyHeader, connection: ListenerConnection): boolean {
    const { rules, passed } = this.#settings;
    if ((rules.length === 0 && passed === null) || tlvs.length === 0) return true;
    const found = parseTlvs(tlvs);
    if (found === null) return false;
    if (passed !== null) connection.setProxyTlvs(found.filter(({ type }) => passed === "all" || passed.has(type)));
    for (const { type, value } of found) {
      const rule = rules.find((each) => each.type === type);
      if (rule === undefined) continue;
      // Bytes that are no UTF-8 become U+FFFD.
      const text = Buffer.from(value).toString("utf8");
      connection.metadata.set(rule.namespace, { [rule.key]: text });
    }
    return true;
  }
}
