/** connect_config of a route's upgrades: CONNECT ends at the proxy. Envoy takes it for CONNECT alone. */
import type {
  RouteAction_UpgradeConfig,
  RouteAction_UpgradeConfig_ConnectConfig as ConnectConfig,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { ConnectModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileProxyProtocol } from "../upstream-transport.ts";

export function compileConnect(
  context: CompileContext,
  configs: readonly RouteAction_UpgradeConfig[],
): ConnectModel | null {
  let found: ConnectModel | null = null;
  for (const config of configs) {
    const { connectConfig } = config;
    if (connectConfig === undefined) continue;
    const type = config.upgradeType.toLowerCase();
    if (type === "connect") found = connectModel(context, connectConfig);
    // What is no upgrade at all was refused where upgrades are read.
    else if (type !== "connect-udp")
      context.error(
        { message: config, field: "connect_config" },
        "ERR_CONFIG_CONFLICT",
        `connect_config stands beside the upgrade ${JSON.stringify(config.upgradeType)}`,
        { expected: "upgrade_type CONNECT" },
      );
  }
  return found;
}

function connectModel(context: CompileContext, { allowPost, proxyProtocolConfig }: ConnectConfig): ConnectModel {
  return {
    allowPost,
    proxyProtocol: proxyProtocolConfig === undefined ? null : compileProxyProtocol(context, proxyProtocolConfig),
  };
}
