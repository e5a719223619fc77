/** The priorities of several clusters one after another, as an aggregate cluster spreads its load over them. */
import type { BalancingModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { type HostLevel, hostLevels } from "../load-balancing/host-levels.ts";

export interface PartLevels<Part> {
  readonly levels: readonly HostLevel[];
  /** By number among all: whose it is, and which of those. */
  readonly owners: readonly Part[];
  readonly numbers: readonly number[];
}

interface PartHosts {
  readonly model: { readonly lb: Pick<BalancingModel, "overprovisioningPercent"> };
  readonly hosts: readonly Host[];
}

export function partLevels<Part extends PartHosts>(parts: readonly Part[]): PartLevels<Part> {
  const levels: HostLevel[] = [];
  const owners: Part[] = [];
  const numbers: number[] = [];
  for (const part of parts) {
    const { overprovisioningPercent } = part.model.lb;
    for (const [i, level] of hostLevels(part.hosts).entries()) {
      owners.push(part);
      numbers.push(i);
      levels.push({ ...level, overprovisioningPercent });
    }
  }
  return { levels, owners, numbers };
}
