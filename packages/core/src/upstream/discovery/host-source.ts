/** One cluster's hosts in main, wherever they come from: the contract between the discovery of all clusters and each way to find hosts. */
import type { StatsScope } from "../../stats/stats-store.ts";
import type { LogSink } from "../../worker/log.ts";
import type { HostModel } from "../host.ts";

/**
 * Lives for one version of a cluster's configuration: {@link first}, then {@link follow} once that version is live (it may never be), then {@link close}.
 * Fail-static: what cannot be had or understood leaves {@link hosts} as they are.
 */
export interface HostSource {
  /** What is known now; empty before the first answer. */
  readonly hosts: readonly HostModel[];
  /** Asks; resolves when the configuration need not wait any longer. Never rejects. */
  first(): Promise<void>;
  /** From now on it asks again when it is time, and tells of it. */
  follow(): void;
  /** Takes what another version of the cluster knows, where it is asked for the same. True: the first answer need not be waited for. */
  learn(known: HostSource): boolean;
  /** It is silent from now on. */
  close(): void;
}

/** What a source is made with. */
export interface SourceEnvironment {
  /** The cluster's name, for log lines. */
  readonly cluster: string;
  readonly log: LogSink;
  /** `cluster.<name>.`; the source's to release. */
  readonly scope: StatsScope;
  readonly random: () => number;
  /** The hosts may have changed. */
  readonly onChange: () => void;
}
