/** All HTTP filters of a connection manager in the order of their slots: its own, then those of upgrades. */
import type { HcmModel, HttpFilterModel } from "./model.ts";

export function allFilters({ filters, upgrades }: Pick<HcmModel, "filters" | "upgrades">): readonly HttpFilterModel[] {
  const ofUpgrades = upgrades.flatMap((upgrade) => upgrade.filters ?? []);
  return ofUpgrades.length === 0 ? filters : [...filters, ...ofUpgrades];
}
