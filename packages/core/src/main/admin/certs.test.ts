// Certificates as `/certs` shows them: what they are for and when they end, and nothing of their keys.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cluster, config, listener } from "../../../../../test/support/plain-config.ts";
import type { DownstreamTlsModel, ListenerModel, UpstreamTlsModel } from "../../config/model.ts";
import { certs } from "./certs.ts";
import type { AdminContext } from "./endpoint.ts";

const pem = (name: string) =>
  readFileSync(new URL(`../../../../../test/fixtures/tls/${name}`, import.meta.url), "utf8");

const common = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: "",
  curves: "",
  alpn: [],
  trustedCa: null,
  crl: null,
  sanMatchers: [],
  certificateHashes: [],
  spkiHashes: [],
} as const;
const pair = (name: string) => ({
  cert: pem(`${name}.pem`),
  key: pem(`${name}.key`),
  passphrase: null,
  source: `/etc/${name}.pem`,
});

test("a certificate for each listener and cluster with TLS, and the authority they trust", async () => {
  const downstream: DownstreamTlsModel = {
    ...common,
    certificates: [pair("server"), pair("wildcard")],
    requireClientCertificate: false,
  };
  const upstream: UpstreamTlsModel = {
    ...common,
    trustedCa: pem("ca.pem"),
    certificates: [],
    sni: "",
    systemCa: false,
    verifyHostname: "",
    maxSessionKeys: 1,
  };
  const plain = listener("plain", "x");
  const secure: ListenerModel = { ...plain, filterChain: { ...plain.filterChain, tls: downstream } };
  const live = config([plain, secure], { clusters: [cluster("a"), cluster("b", { tls: upstream })] });
  const reply = await certs.handle(new URLSearchParams(), { server: { config: live } } as unknown as AdminContext);
  expect(reply.body).not.toContain("KEY");
  const { certificates } = JSON.parse(reply.body) as { certificates: Record<string, Record<string, unknown>[]>[] };
  expect(certificates).toHaveLength(2);
  expect(certificates[0]!["cert_chain"]).toHaveLength(2);
  expect(certificates[0]!["cert_chain"]![1]).toMatchObject({
    path: "/etc/wildcard.pem",
    serial_number: expect.stringMatching(/^[0-9a-f]+$/),
    subject_alt_names: expect.arrayContaining([{ dns: expect.stringContaining("*.") }]),
    days_until_expiration: expect.stringMatching(/^\d+$/),
    valid_from: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    expiration_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
  expect(certificates[1]!["ca_cert"]).toHaveLength(1);
  expect(certificates[1]!["cert_chain"]).toEqual([]);
});
