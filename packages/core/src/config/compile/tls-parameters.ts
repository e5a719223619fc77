/** Versions, ciphers and curves, translated from BoringSSL's words to those of Node's OpenSSL. */
import type { TlsParameters } from "../envoy/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { nodeTls } from "../../network/tls/node-tls.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { TlsCommonModel } from "../model.ts";
import { tryParse } from "./certificates.ts";
import type { CompileContext } from "./context.ts";

type Version = TlsCommonModel["minVersion"];
type Parameters = Pick<TlsCommonModel, "minVersion" | "maxVersion" | "ciphers" | "curves">;

/** Index: TlsProtocol. */
const versions: readonly (Version | null)[] = [null, "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const ordered: readonly string[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
/** For suggestions; what counts is what OpenSSL knows. */
const curves: readonly string[] = ["X25519", "P-256", "P-384", "P-521", "X448", "X25519MLKEM768"];

/** Envoy: minimum 1.2; maximum 1.3 for servers, 1.2 for clients. */
export function compileTlsParameters(
  context: CompileContext,
  params: TlsParameters | undefined,
  defaultMax: Version,
): Parameters {
  if (params === undefined) return { minVersion: "TLSv1.2", maxVersion: defaultMax, ciphers: "", curves: "" };
  const minVersion = versions[params.tlsMinimumProtocolVersion] ?? "TLSv1.2";
  const maxVersion = versions[params.tlsMaximumProtocolVersion] ?? defaultMax;
  if (ordered.indexOf(minVersion) > ordered.indexOf(maxVersion)) {
    context.error(
      { message: params },
      "ERR_CONFIG_CONFLICT",
      `the minimum TLS version ${minVersion} is above the maximum ${maxVersion}`,
    );
  }
  return { minVersion, maxVersion, ciphers: compileCiphers(context, params), curves: compileCurves(context, params) };
}

/** `[a|b]`, equal preference in BoringSSL, becomes `a:b`. */
function compileCiphers(context: CompileContext, params: TlsParameters): string {
  const known = new Map(
    nodeTls()
      .getCiphers()
      .map((name) => [name, name.toUpperCase()]),
  );
  const names: string[] = [];
  for (const [element, suite] of params.cipherSuites.entries()) {
    const group = /^\[(.*)\]$/.exec(suite);
    for (const name of group?.[1]?.split("|") ?? [suite]) {
      if (known.has(name.toLowerCase())) names.push(name);
      else {
        context.error(
          { message: params, field: "cipher_suites", element },
          "ERR_CONFIG_REFERENCE",
          `unknown cipher suite "${name}"`,
          {
            suggestion: didYouMean(name, known.values()),
          },
        );
      }
    }
  }
  return names.join(":");
}

function compileCurves(context: CompileContext, params: TlsParameters): string {
  for (const [element, curve] of params.ecdhCurves.entries()) {
    if (tryParse(() => nodeTls().createSecureContext({ ecdhCurve: curve })) !== undefined) continue;
    context.error(
      { message: params, field: "ecdh_curves", element },
      "ERR_CONFIG_REFERENCE",
      `unknown curve "${curve}"`,
      {
        suggestion: didYouMean(curve, curves),
      },
    );
  }
  return params.ecdhCurves.join(":");
}
