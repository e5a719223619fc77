/** From a cluster's configuration to the source of its hosts: where each way to find hosts is named. */
import type { ClusterModel } from "../../config/model.ts";
import type { AssignmentFiles } from "./assignment-files.ts";
import { DnsHosts } from "./dns-hosts.ts";
import type { Resolvers } from "./dns-resolver.ts";
import { FileHosts } from "./file-hosts.ts";
import type { HostSource, SourceEnvironment } from "./host-source.ts";
import { SrvHosts } from "./srv-hosts.ts";

/** What the sources of all clusters have in common. */
export interface SharedParts {
  readonly resolvers: Resolvers;
  readonly files: AssignmentFiles;
}

/** @throws Error for a cluster that lists its hosts itself. */
export function makeSource(
  cluster: ClusterModel,
  { resolvers, files }: SharedParts,
  environment: SourceEnvironment,
): HostSource {
  const { discovery } = cluster;
  switch (discovery.kind) {
    case "strict_dns":
    case "logical_dns":
      return new DnsHosts(cluster, discovery, resolvers.names(discovery.resolver), environment);
    case "srv":
      return new SrvHosts(
        discovery,
        resolvers.names(discovery.resolver),
        resolvers.services(discovery.resolver),
        environment,
      );
    case "file":
      return new FileHosts(discovery, files, environment);
    default:
      throw new Error(`${cluster.name} lists its hosts itself`);
  }
}
