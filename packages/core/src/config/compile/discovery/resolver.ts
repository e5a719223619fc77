/** Who is asked for names: typed_dns_resolver_config, and the older fields that name servers. What c-ares can and Node's resolver cannot is refused by name. */
import type { Message } from "@bufbuild/protobuf";
import type { Cluster } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { Address } from "../../envoy/generated/envoy/config/core/v3/address_pb.js";
import type { TypedExtensionConfig } from "../../envoy/generated/envoy/config/core/v3/extension_pb.js";
import type { DnsResolverOptions } from "../../envoy/generated/envoy/config/core/v3/resolver_pb.js";
import type { CaresDnsResolverConfig } from "../../envoy/generated/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import { isMessage } from "../../envoy/tree.ts";
import type { DnsResolverModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { addressText, compileAddress } from "../values.ts";

export const caresType = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
export const systemType = "envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig";

/** Envoy's order: the typed configuration, then dns_resolution_config, then dns_resolvers. */
export function resolverOfCluster(context: CompileContext, cluster: Cluster): DnsResolverModel | undefined {
  const { typedDnsResolverConfig: typed, dnsResolutionConfig: older, dnsResolvers, useTcpForDnsLookups } = cluster;
  if (typed !== undefined) return compileResolver(context, cluster, typed);
  if (older !== undefined) {
    checkOptions(context, older.dnsResolverOptions);
    return servers(context, older, older.resolvers);
  }
  if (useTcpForDnsLookups) refuseTcp(context, cluster, "use_tcp_for_dns_lookups");
  return servers(context, cluster, dnsResolvers);
}

export function compileResolver(
  context: CompileContext,
  owner: Message,
  typed: TypedExtensionConfig,
): DnsResolverModel | undefined {
  const payload = typed.typedConfig === undefined ? undefined : context.tree.payload(typed.typedConfig);
  if (payload?.kind === "message") {
    const { message } = payload;
    if (message.$typeName === systemType) return { kind: "system" };
    if (isMessage<CaresDnsResolverConfig>(message, caresType)) return compileCares(context, message);
  }
  if (!context.tree.isDamaged(typed) && !context.tree.isDamaged(owner))
    context.unsupported(
      { message: owner, field: "typed_dns_resolver_config" },
      payload?.typeName ?? "a resolver without a configuration",
      `${caresType} or ${systemType}`,
    );
  return undefined;
}

function compileCares(context: CompileContext, cares: CaresDnsResolverConfig): DnsResolverModel | undefined {
  checkOptions(context, cares.dnsResolverOptions);
  const made = servers(context, cares, cares.resolvers);
  if (made?.kind !== "servers") return made;
  const { queryTimeoutSeconds: seconds, queryTries: tries } = cares;
  return {
    ...made,
    ...(seconds !== undefined && { timeoutMs: Math.min(Number(seconds), 3600) * 1000 }),
    ...(tries !== undefined && { tries: Math.min(tries, 100) }),
  };
}

function servers(context: CompileContext, owner: Message, addresses: readonly Address[]): DnsResolverModel | undefined {
  const texts: string[] = [];
  for (const address of addresses) {
    const compiled = compileAddress(context, owner, address, false);
    if (compiled === undefined) continue;
    if (compiled.kind === "pipe")
      context.error({ message: address }, "ERR_CONFIG_CONFLICT", "a name server cannot be a Unix socket");
    else texts.push(addressText({ ...compiled, port: compiled.port === 0 ? 53 : compiled.port }));
  }
  return texts.length === 0 ? undefined : { kind: "servers", servers: texts };
}

/** `no_default_search_domain` is how name servers are asked in any case. */
function checkOptions(context: CompileContext, options: DnsResolverOptions | undefined): void {
  if (options?.useTcpForDnsLookups === true) refuseTcp(context, options, "use_tcp_for_dns_lookups");
}

/** Node's resolver turns to TCP where an answer is cut off, and cannot be told to begin with it. */
function refuseTcp(context: CompileContext, message: Message, field: string): void {
  context.unsupported({ message, field }, "DNS over TCP alone", "UDP, and TCP where an answer does not fit");
}
