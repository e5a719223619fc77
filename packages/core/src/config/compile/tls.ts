/** TLS contexts of both sides from transport sockets, as Envoy reads them; what is legal there but unsafe is a warning. */
import type { TransportSocket } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { CertificateValidationContext } from "../envoy/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type {
  CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "../envoy/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { ClusterModel, DownstreamTlsModel, TlsCommonModel, UpstreamTlsModel } from "../model.ts";
import { compileCertificates } from "./certificates.ts";
import type { CompileContext } from "./context.ts";
import { compileTlsParameters } from "./tls-parameters.ts";
import { compileValidation } from "./tls-validation.ts";

const tls = "envoy.extensions.transport_sockets.tls.v3";
const downstreamType = `${tls}.DownstreamTlsContext`;
const upstreamType = `${tls}.UpstreamTlsContext`;
const rawBufferType = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";

/** null: plain. undefined: it should be TLS, but what was said is wrong. */
export function compileDownstreamTls(
  context: CompileContext,
  socket: TransportSocket | undefined,
): DownstreamTlsModel | null | undefined {
  const message = socketMessage(context, socket, downstreamType);
  if (message === null || message === undefined) return message;
  if (!isMessage<DownstreamTlsContext>(message, downstreamType)) return undefined;
  const common = message.commonTlsContext;
  if (common === undefined) return void context.missing({ message }, "common_tls_context");
  const certificates = compileCertificates(context, common.tlsCertificates);
  if (common.tlsCertificates.length === 0)
    context.missing({ message: common }, "tls_certificates", "one certificate at least");
  const requireClientCertificate = message.requireClientCertificate ?? false;
  const model = compileCommon(context, common, "TLSv1.3", true);
  const { trustedCa, certificateHashes, spkiHashes } = model;
  if (requireClientCertificate && trustedCa === null && certificateHashes.length + spkiHashes.length === 0) {
    context.warning(
      { message, field: "require_client_certificate" },
      "ERR_CONFIG_CONFLICT",
      "client certificates are required and not verified: any will do",
      {
        expected: "validation_context with trusted_ca",
      },
    );
  }
  return { ...model, certificates, requireClientCertificate };
}

export function compileUpstreamTls(
  context: CompileContext,
  socket: TransportSocket | undefined,
  { protocol, autoSanValidation }: ClusterModel["http"],
): UpstreamTlsModel | null {
  const message = socketMessage(context, socket, upstreamType);
  if (message === null || !isMessage<UpstreamTlsContext>(message, upstreamType)) return null;
  const common = message.commonTlsContext;
  const validation =
    common?.validationContextType.case === "validationContext" ? common.validationContextType.value : undefined;
  warnOfTrust(context, message, validation, autoSanValidation);
  const speaksHttp2 = protocol !== "http1";
  const compiled = common === undefined ? plainCommon : compileCommon(context, common, "TLSv1.2", speaksHttp2);
  const spoken = protocol === "auto" ? ["h2", "http/1.1"] : protocol === "http2" ? ["h2"] : [];
  return {
    ...compiled,
    // As Envoy: what is spoken is asked for, where nothing else is said.
    alpn: compiled.alpn.length === 0 ? spoken : compiled.alpn,
    certificates: compileCertificates(context, common?.tlsCertificates ?? []),
    sni: message.sni,
    systemCa: validation?.systemRootCerts !== undefined && validation.trustedCa === undefined,
    verifyHostname: "",
    maxSessionKeys: message.maxSessionKeys ?? 1,
  };
}

/** The payload of the right type; null where the socket is plain or skipped; undefined where something is wrong. */
function socketMessage(context: CompileContext, socket: TransportSocket | undefined, expected: string) {
  if (socket === undefined) return null;
  if (socket.configType.case !== "typedConfig") return void context.missing({ message: socket }, "typed_config");
  const payload = context.tree.payload(socket.configType.value);
  if (payload === undefined) return undefined;
  if (payload.typeName === rawBufferType) return null;
  if (payload.kind === "message" && payload.typeName === expected) return payload.message;
  context.unsupported(
    { message: socket, field: "typed_config" },
    `a transport socket of type ${payload.typeName} here`,
    `${expected} or ${rawBufferType}`,
  );
  return undefined;
}

function compileCommon(
  context: CompileContext,
  common: CommonTlsContext,
  defaultMax: TlsCommonModel["maxVersion"],
  takesHttp2: boolean,
): TlsCommonModel {
  const validation =
    common.validationContextType.case === "validationContext" ? common.validationContextType.value : undefined;
  return {
    ...compileTlsParameters(context, common.tlsParams, defaultMax),
    alpn: compileAlpn(context, common, takesHttp2),
    ...compileValidation(context, validation),
  };
}

const noParameters: Pick<TlsCommonModel, "minVersion" | "maxVersion" | "ciphers" | "curves"> = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  ciphers: "",
  curves: "",
};
const plainCommon: TlsCommonModel = {
  ...noParameters,
  alpn: [],
  trustedCa: null,
  crl: null,
  sanMatchers: [],
  certificateHashes: [],
  spkiHashes: [],
};

function compileAlpn(context: CompileContext, common: CommonTlsContext, takesHttp2: boolean): string[] {
  return common.alpnProtocols.filter((protocol, element) => {
    const at = { message: common, field: "alpn_protocols", element };
    if (protocol === "h3" || (protocol === "h2" && !takesHttp2))
      context.unsupported(at, `the protocol "${protocol}"`, takesHttp2 ? "h2 or http/1.1" : "http/1.1");
    else if (protocol === "" || Buffer.byteLength(protocol) > 255)
      context.error(at, "ERR_CONFIG_RANGE", "bad name of a protocol", { expected: "1 to 255 bytes" });
    else return true;
    return false;
  });
}

/** Envoy's form is taken as Envoy takes it: a CA without names trusts every certificate of that CA. */
function warnOfTrust(
  context: CompileContext,
  message: UpstreamTlsContext,
  validation: CertificateValidationContext | undefined,
  verifiesName: boolean,
): void {
  if (context.tree.isDamaged(message)) return;
  const verifiesHash =
    validation !== undefined && validation.verifyCertificateHash.length + validation.verifyCertificateSpki.length > 0;
  if (verifiesHash) return;
  if (validation?.trustedCa === undefined && validation?.systemRootCerts === undefined) {
    // The short form verifies unless it is told not to.
    if (context.strict) return;
    context.warning(
      { message },
      "ERR_CONFIG_REQUIRED",
      "the upstream's certificate is not verified: there is no trusted_ca",
      {
        expected: "validation_context with trusted_ca and match_typed_subject_alt_names",
      },
    );
  } else if (
    !verifiesName &&
    validation.matchTypedSubjectAltNames.length + validation.matchSubjectAltNames.length === 0
  ) {
    context.warning(
      { message: validation },
      "ERR_CONFIG_REQUIRED",
      "any certificate of this authority is trusted: there are no match_typed_subject_alt_names",
    );
  }
}
