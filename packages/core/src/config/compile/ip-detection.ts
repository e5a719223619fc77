/** `original_ip_detection_extensions`: other ways to find the client than the socket and plain x-forwarded-for. */
import type { TypedExtensionConfig } from "../envoy/generated/envoy/config/core/v3/extension_pb.js";
import type { HttpConnectionManager } from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { CustomHeaderConfig } from "../envoy/generated/envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header_pb.js";
import type { XffConfig } from "../envoy/generated/envoy/extensions/http/original_ip_detection/xff/v3/xff_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { IpDetectionModel } from "../model.ts";
import type { CompileContext } from "./context.ts";

const xff = "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig";
const customHeader = "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig";

export function compileIpDetection(context: CompileContext, hcm: HttpConnectionManager): IpDetectionModel[] {
  const { originalIpDetectionExtensions: extensions } = hcm;
  if (extensions.length === 0) return [];
  const at = { message: hcm, field: "original_ip_detection_extensions" };
  const others = [
    ["use_remote_address", hcm.useRemoteAddress === true],
    ["xff_num_trusted_hops", hcm.xffNumTrustedHops !== 0],
  ] as const;
  for (const [field, isSet] of others) {
    if (isSet)
      context.error(at, "ERR_CONFIG_CONFLICT", `original_ip_detection_extensions stand beside ${field}`, {
        expected: "one of them",
      });
  }
  return extensions.flatMap((extension) => compileWay(context, extension) ?? []);
}

function compileWay(context: CompileContext, extension: TypedExtensionConfig): IpDetectionModel | undefined {
  const payload = extension.typedConfig && context.tree.payload(extension.typedConfig);
  if (payload?.kind === "message") {
    const { message } = payload;
    if (isMessage<XffConfig>(message, xff)) return { kind: "xff", trustedHops: message.xffNumTrustedHops };
    if (isMessage<CustomHeaderConfig>(message, customHeader)) {
      return {
        kind: "custom_header",
        header: message.headerName.toLowerCase(),
        isTrusted: message.allowExtensionToSetAddressAsTrusted,
        rejectStatus: message.rejectWithStatus === undefined ? 0 : refusal(message.rejectWithStatus.code),
      };
    }
  }
  if (payload === undefined) return undefined;
  return void context.unsupported(
    { message: extension, field: "typed_config" },
    `the detection of addresses by ${payload.typeName}`,
    `${xff} or ${customHeader}`,
  );
}

/** As Envoy: what is no error becomes 403. */
function refusal(status: number): number {
  return status >= 400 && status <= 511 ? status : 403;
}
