/** A cluster whose hosts requests and connections bring with them: what asks for a host has that one, or none. */
import type {
  ConnectionInfo,
  HostChoice,
  OpenFailure,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamRequest,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import { Cluster } from "../cluster.ts";
import type { Host } from "../host.ts";

export abstract class AskedCluster extends Cluster {
  /** null: it asks for none, or for one that it cannot have. */
  protected abstract hostOf(choice: HostChoice | null, client: ConnectionInfo | null): Host | null;

  override openStream(events: UpstreamStreamEvents, request?: UpstreamRequest): UpstreamStream | OpenFailure {
    const { balancing } = this;
    balancing.asked = this.hostOf(request ?? null, request === undefined ? null : request.client);
    try {
      return super.openStream(events, request);
    } finally {
      balancing.asked = null;
    }
  }

  override connect(
    events: UpstreamConnectionEvents,
    client: ConnectionInfo | null = null,
    choice: HostChoice | null = null,
  ): UpstreamConnection | OpenFailure {
    const { balancing } = this;
    balancing.asked = this.hostOf(choice, client);
    try {
      return super.connect(events, client, choice);
    } finally {
      balancing.asked = null;
    }
  }
}
