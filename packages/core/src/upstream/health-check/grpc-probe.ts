/** A check by the protocol of gRPC: grpc.health.v1.Health/Check, which passes where it says SERVING. https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import type { ProbeModel } from "../../config/model.ts";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import type { HostModel } from "../host.ts";
import { addHeader, CHECK_AGENT } from "./http-probe.ts";
import { FAILED, PASSED, type ProbeOutcome } from "./probe.ts";
import type { ProbeTargets } from "./probe-target.ts";
import { type HeardAnswer, RequestProbe } from "./request-probe.ts";

const PATH = "/grpc.health.v1.Health/Check";
const SERVING = 1;
/** A status is two bytes; whoever says more does not answer the question. */
const MOST_BYTES = 1024;

export function grpcProbe(
  targets: ProbeTargets,
  model: Extract<ProbeModel, { kind: "grpc" }>,
  host: HostModel,
): RequestProbe {
  const authority = targets.authority(host, model.authority);
  const request = (): RequestHeaderMap => {
    const headers = new RequestHeaderMap("POST", PATH, authority, targets.scheme);
    headers.set("content-type", "application/grpc");
    headers.set("te", "trailers");
    headers.set("user-agent", CHECK_AGENT);
    for (const header of model.metadata) addHeader(headers, header);
    return headers;
  };
  return new RequestProbe({
    pool: targets.pool(targets.host(host), "http2"),
    request,
    body: requestMessage(model.service),
    bufferBytes: MOST_BYTES,
    closesAfter: !targets.check.reuseConnection,
    judge: judgeAnswer,
  });
}

function requestMessage(service: string): Buffer {
  const message = service === "" ? new Uint8Array(0) : new BinaryWriter().uint32(10).string(service).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function judgeAnswer({ headers, body, trailers }: HeardAnswer): ProbeOutcome {
  const status = (trailers ?? headers).get("grpc-status");
  return headers.status === 200 && status === "0" && servingStatus(body) === SERVING ? PASSED : FAILED;
}

/** Of the one message; -1: there is none, or it is no message. */
function servingStatus(body: Buffer): number {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return -1;
  const reader = new BinaryReader(body.subarray(5));
  let status = 0;
  try {
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (field === 1) status = reader.int32();
      else reader.skip(wire, field);
    }
  } catch {
    return -1;
  }
  return status;
}
