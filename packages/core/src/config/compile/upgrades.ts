/** Protocol upgrades that a connection manager or a route allows. */
import type { RouteAction_UpgradeConfig } from "../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { HttpConnectionManager_UpgradeConfig } from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { UpgradeModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { isHeaderName } from "./header-mutations.ts";
import { compileHttpFilters } from "./http-filters.ts";
import { Uniqueness } from "./lists.ts";
import type { FilterSlot, FilterSlots } from "./per-filter-config.ts";

export function compileUpgrades(
  context: CompileContext,
  configs: readonly (HttpConnectionManager_UpgradeConfig | RouteAction_UpgradeConfig)[],
): { type: string; enabled: boolean }[] {
  const types = new Uniqueness(context, "the upgrade");
  return configs.map((config) => {
    const type = config.upgradeType.toLowerCase();
    const at = { message: config, field: "upgrade_type" };
    if (type === "connect-udp") context.unsupported(at, "the upgrade to connect-udp");
    else if (!isHeaderName(type.replace("/", "")))
      context.error(at, "ERR_CONFIG_TYPE", `${JSON.stringify(config.upgradeType)} is no name of a protocol`, {
        expected: "as in websocket or CONNECT",
      });
    else types.add(type, at);
    return { type, enabled: config.enabled ?? true };
  });
}

/** Of a connection manager: upgraded streams may have filters of their own. */
export function compileHcmUpgrades(
  context: CompileContext,
  configs: readonly HttpConnectionManager_UpgradeConfig[],
  own: FilterSlots,
): { readonly models: UpgradeModel[]; readonly slots: FilterSlots } {
  const slots = new Map(own);
  const models = compileUpgrades(context, configs).map((upgrade, index) => {
    const config = configs[index]!;
    if (config.filters.length === 0) return upgrade;
    const chain = compileHttpFilters(context, config, "filters");
    joinSlots(context, config, slots, chain.slots);
    return { ...upgrade, filters: chain.filters };
  });
  return { models, slots };
}

/** Configurations of routes name the filters of all chains alike: a name means one kind of filter. */
function joinSlots(
  context: CompileContext,
  config: HttpConnectionManager_UpgradeConfig,
  slots: Map<string, FilterSlot | null>,
  added: FilterSlots,
): void {
  for (const [name, slot] of added) {
    const known = slots.get(name) ?? null;
    if (known !== null && slot !== null && known.id !== slot.id)
      context.error(
        { message: config, field: "filters" },
        "ERR_CONFIG_CONFLICT",
        `${known.id} has the name "${name}" already`,
      );
    if (known === null) slots.set(name, slot);
  }
}
