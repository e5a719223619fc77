import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TlsInfo } from "@sluice/sdk";
import { pem } from "../../../../../test/support/tls.ts";
import type { ClientCertModel } from "../../config/model.ts";
import { keepPeerCertificate } from "../../network/tls/peer-certificate.ts";
import { HeaderMap, field } from "../headers/header-map.ts";
import { forwardClientCert } from "./client-cert.ts";

const NAME = "x-forwarded-client-cert";
const NOTHING = { subject: false, cert: false, chain: false, dns: false, uri: false } as const;
const HASH = new X509Certificate(pem("client")).fingerprint256.replaceAll(":", "").toLowerCase();
const OWN = `By=spiffe://test/server;Hash=${HASH}`;

function tlsOf(changes: Partial<TlsInfo> = {}, presented = true): TlsInfo {
  const info: TlsInfo = {
    serverName: "",
    version: "TLSv1.3",
    cipher: "",
    alpn: "",
    peerCertificatePresented: presented,
    peerCertificateVerified: presented,
    peerSubject: "CN=client,O=Acme\\, Inc",
    peerUriSans: ["spiffe://test/client"],
    peerDnsSans: ["client.test"],
    ...changes,
  };
  if (presented) keepPeerCertificate(info, new X509Certificate(pem("client")), new X509Certificate(pem("server")));
  return info;
}

/** The header after a request with these lines of it came over such a connection. */
function forwarded(rules: Partial<ClientCertModel>, tls: TlsInfo | null, ...lines: string[]): string[] {
  const headers = new HeaderMap(lines.map((line) => field(NAME, line)));
  forwardClientCert(headers, tls, { mode: "sanitize_set", ...NOTHING, ...rules });
  return headers.getAll(NAME);
}

describe("x-forwarded-client-cert", () => {
  it("is removed, passed on, appended to or made anew, by the mode", () => {
    const tls = tlsOf();
    expect(forwarded({ mode: "sanitize" }, tls, "By=a")).toEqual([]);
    expect(forwarded({ mode: "forward_only" }, tls, "By=a", "By=b")).toEqual(["By=a", "By=b"]);
    expect(forwarded({ mode: "append_forward" }, tls, "By=a", "By=b")).toEqual([`By=a,By=b,${OWN}`]);
    expect(forwarded({ mode: "append_forward" }, tls)).toEqual([OWN]);
    expect(forwarded({ mode: "sanitize_set" }, tls, "By=a", "By=b")).toEqual([OWN]);
  });

  it("is believed from nobody who shows no certificate, unless always", () => {
    for (const tls of [null, tlsOf({}, false)]) {
      for (const mode of ["forward_only", "append_forward", "sanitize_set"] as const)
        expect(forwarded({ mode }, tls, "By=a")).toEqual([]);
      expect(forwarded({ mode: "always_forward_only" }, tls, "By=a")).toEqual(["By=a"]);
    }
  });

  it("tells what is asked for, in Envoy's order", () => {
    const [all = ""] = forwarded({ subject: true, cert: true, chain: true, dns: true, uri: true }, tlsOf());
    const encoded = encodeURIComponent(pem("client").replace(/\r/g, "").trimEnd()) + "%0A";
    const certificate = encoded.replaceAll("%2D", "-");
    expect(all.split(";").map((pair) => pair.split("=")[0])).toEqual([
      "By",
      "Hash",
      "Cert",
      "Chain",
      "Subject",
      "URI",
      "DNS",
    ]);
    expect(all).toContain(`;Cert="${certificate}";Chain="${certificate}";`);
    expect(all).toMatch(/;Subject="CN=client,O=Acme\\, Inc";URI=spiffe:\/\/test\/client;DNS=client\.test$/);
  });

  it("has an empty URI where the certificate has none, and a DNS for each name", () => {
    const tls = tlsOf({ peerUriSans: [], peerDnsSans: ["a.test", "b.test"] });
    expect(forwarded({ uri: true, dns: true }, tls)).toEqual([`${OWN};URI=;DNS=a.test;DNS=b.test`]);
  });

  it("lets no name of the client's pass for another pair or element", () => {
    const tls = tlsOf({
      peerUriSans: ["spiffe://a;Hash=0", "x,By=evil", 'q"uote', "end\\", "l1\r\nl2"],
      peerSubject: 'CN=a",By=evil\\',
    });
    const [value] = forwarded({ uri: true, subject: true }, tls);
    expect(value).toBe(
      `${OWN};Subject="CN=a\\",By=evil";URI="spiffe://a;Hash=0";URI="x,By=evil";URI="q\\"uote";URI="end";URI="l1l2"`,
    );
  });

  it("is made once while connection and rules are the same", () => {
    const tls = tlsOf();
    const rules = { mode: "sanitize_set", ...NOTHING } as const;
    const headers = () => {
      const map = new HeaderMap();
      forwardClientCert(map, tls, rules);
      return map.get(NAME);
    };
    expect(headers()).toBe(headers());
    expect(forwarded({ dns: true }, tls)[0]).toBe(`${OWN};DNS=client.test`);
  });
});
