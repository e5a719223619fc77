/** What matcher trees read and compare with: each extension of Envoy's, by the name of its message. */
import type { Message } from "@bufbuild/protobuf";
import type {
  DynamicMetadataInput,
  FilterStateInput,
} from "../envoy/generated/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js";
import type { ConsistentHashing } from "../envoy/generated/envoy/extensions/matching/input_matchers/consistent_hashing/v3/consistent_hashing_pb.js";
import type { Ip } from "../envoy/generated/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js";
import type { Metadata } from "../envoy/generated/envoy/extensions/matching/input_matchers/metadata/v3/metadata_pb.js";
import type { RuntimeFraction } from "../envoy/generated/envoy/extensions/matching/input_matchers/runtime_fraction/v3/runtime_fraction_pb.js";
import type { InputMatcherModel, MatchInputModel, PlainInputKind } from "../match-model.ts";
import type { CompileContext } from "./context.ts";
import { compileFraction, compileValueMatcher, pathKeys } from "./value-matchers.ts";
import { cidrTexts } from "./values.ts";

const http = "envoy.type.matcher.v3";
const network = "envoy.extensions.matching.common_inputs.network.v3";
const ssl = "envoy.extensions.matching.common_inputs.ssl.v3";
const matchers = "envoy.extensions.matching.input_matchers";

type InputOf = (message: Message) => MatchInputModel;

function header(kind: Extract<MatchInputModel, { readonly name: string }>["kind"]): InputOf {
  return (message) => ({ kind, name: (message as Message & { readonly headerName: string }).headerName });
}

function plain(kind: PlainInputKind): InputOf {
  return () => ({ kind });
}

const inputs: Readonly<Record<string, InputOf>> = {
  [`${http}.HttpRequestHeaderMatchInput`]: header("request_header"),
  [`${http}.HttpRequestTrailerMatchInput`]: header("request_trailer"),
  [`${http}.HttpResponseHeaderMatchInput`]: header("response_header"),
  [`${http}.HttpResponseTrailerMatchInput`]: header("response_trailer"),
  [`${http}.HttpRequestQueryParamMatchInput`]: (message) => ({
    kind: "query_parameter",
    name: (message as Message & { readonly queryParam: string }).queryParam,
  }),
  [`${http}.HttpResponseStatusCodeMatchInput`]: plain("status_code"),
  [`${http}.HttpResponseStatusCodeClassMatchInput`]: plain("status_code_class"),
  [`${network}.DestinationIPInput`]: plain("destination_ip"),
  [`${network}.DestinationPortInput`]: plain("destination_port"),
  [`${network}.SourceIPInput`]: plain("source_ip"),
  [`${network}.SourcePortInput`]: plain("source_port"),
  [`${network}.DirectSourceIPInput`]: plain("direct_source_ip"),
  [`${network}.SourceTypeInput`]: plain("source_type"),
  [`${network}.ServerNameInput`]: plain("server_name"),
  [`${network}.TransportProtocolInput`]: plain("transport_protocol"),
  [`${network}.ApplicationProtocolInput`]: plain("application_protocol"),
  [`${network}.FilterStateInput`]: (message) => ({ kind: "filter_state", key: (message as FilterStateInput).key }),
  [`${network}.DynamicMetadataInput`]: (message) => {
    const { filter, path } = message as DynamicMetadataInput;
    return { kind: "dynamic_metadata", filter, path: pathKeys(path) };
  },
  [`${ssl}.UriSanInput`]: plain("uri_san"),
  [`${ssl}.DnsSanInput`]: plain("dns_san"),
  [`${ssl}.SubjectInput`]: plain("subject"),
};

export function inputOf(message: Message): MatchInputModel | undefined {
  return Object.hasOwn(inputs, message.$typeName) ? inputs[message.$typeName]!(message) : undefined;
}

/** null: it is no input matcher. undefined: what is wrong was reported. */
export function inputMatcherOf(context: CompileContext, message: Message): InputMatcherModel | null | undefined {
  switch (message.$typeName as string) {
    case `${matchers}.ip.v3.Ip`:
      return { kind: "ip", ranges: cidrTexts(context, (message as Ip).cidrRanges) };
    case `${matchers}.consistent_hashing.v3.ConsistentHashing`: {
      const { threshold, modulo, seed } = message as ConsistentHashing;
      if (threshold > modulo)
        context.error({ message, field: "threshold" }, "ERR_CONFIG_RANGE", "the threshold is above the modulus", {
          expected: `at most ${modulo}`,
        });
      return { kind: "hash", threshold, modulo, seed: String(seed) };
    }
    case `${matchers}.runtime_fraction.v3.RuntimeFraction`: {
      const { runtimeFraction, seed } = message as RuntimeFraction;
      const fraction = compileFraction(runtimeFraction);
      return fraction && { kind: "runtime_fraction", fraction, seed: String(seed) };
    }
    case `${matchers}.metadata.v3.Metadata`: {
      const { value, invert } = message as Metadata;
      const made = value && compileValueMatcher(context, value);
      return made && { kind: "metadata", value: made, invert };
    }
    default:
      return null;
  }
}
