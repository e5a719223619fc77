import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { grpcHttp1Bridge } from "./index.ts";

describe("configuration", () => {
  it("may be empty", () => {
    const defaults = { upgradesProtobuf: false, ignoresQuery: false };
    expect(settingsOf(grpcHttp1Bridge, "config", {})).toEqual(defaults);
    expect(settingsOf(grpcHttp1Bridge, "config", null)).toEqual(defaults);
  });

  it("reads every field", () => {
    const config = { upgrade_protobuf_to_grpc: true, ignore_query_parameters: true };
    expect(settingsOf(grpcHttp1Bridge, "config", config)).toEqual({ upgradesProtobuf: true, ignoresQuery: true });
  });

  test.each([
    [{ upgrade_protobuf_to_grpc: "yes" }, "upgrade_protobuf_to_grpc: expected true or false"],
    [{ upgrade_json: true }, "unknown field upgrade_json"],
  ])("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(grpcHttp1Bridge, "config", config)).toThrow(message);
  });
});
