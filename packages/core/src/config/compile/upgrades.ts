/** Protocol upgrades that a connection manager or a route allows. */
import type { RouteAction_UpgradeConfig } from "../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { HttpConnectionManager_UpgradeConfig } from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HcmModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { isHeaderName } from "./header-mutations.ts";
import { Uniqueness } from "./lists.ts";

export function compileUpgrades(
  context: CompileContext,
  configs: readonly (HttpConnectionManager_UpgradeConfig | RouteAction_UpgradeConfig)[],
): HcmModel["upgrades"] {
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
