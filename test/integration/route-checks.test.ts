// `sluice routes`, by its own command line: the list, and tables of expectations that are met, not met, and wrong.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../packages/core/src/cli/program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

const CONFIG = `
listeners:
  - name: web
    address: 127.0.0.1:8080
    http:
      virtual_hosts:
        - name: api
          domains: api.example.com
          routes:
            - { name: canary, prefix: /v1, share: 10, cluster: two }
            - { name: split, template: "/v1/{x}", method: GET, clusters: { one: 25, two: 75 } }
            - { path: /old, redirect: "https://new.example.com/there" }
        - { name: safe, domains: safe.example.com, require_tls: true, routes: [{ prefix: /, cluster: one }] }
        - { name: rest, domains: "*", routes: [{ path: /ping, cookies: { a: "1" }, respond: 204 }] }
clusters: { one: "127.0.0.1:1", two: "127.0.0.1:2" }
`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-routes-"));
  put("proxy.yaml", CONFIG);
});
afterAll(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function routes(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await run(["routes", join(folder, "proxy.yaml"), ...args], {
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { code, out: out.replaceAll(`${folder}/`, ""), err: err.replaceAll(`${folder}/`, "") };
}

const check = (table: string, ...more: string[]) => routes("--check", put("table.yaml", table), ...more);

test("without a table, it lists what there is and where it stands", async () => {
  const { code, out } = await routes();
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    "listener web on 127.0.0.1:8080  proxy.yaml:3:5",
    "  virtual host api (api.example.com)  proxy.yaml:7:11",
    '    0 "canary"  prefix "/v1", 10 % of the requests  → cluster two  proxy.yaml:10:15',
    '    1 "split"  template "/v1/{x}", header :method exact "GET"  → cluster one (25 %), cluster two (75 %)  proxy.yaml:11:15',
    '    2  path "/old"  → redirect 301  proxy.yaml:12:15',
    "  virtual host safe (safe.example.com)  proxy.yaml:13:11",
    '    0  prefix "/"  → cluster one  proxy.yaml:13:80',
    "  virtual host rest (*)  proxy.yaml:14:11",
    '    0  path "/ping", cookie a exact "1"  → respond 204  proxy.yaml:14:48',
    "",
  ]);
  const listed = JSON.parse((await routes("--json", "--listener", "web")).out) as {
    virtualHosts: { name: string }[];
  }[];
  expect(listed[0]!.virtualHosts.map(({ name }) => name)).toEqual(["api", "safe", "rest"]);
});

describe("a table", () => {
  test("that is met ends with 0", async () => {
    const found = await check(`
checks:
  - { request: "GET https://api.example.com/v1/x", expect: { route: split, virtual_host: api, cluster: { two: 3, one: 1 } } }
  - { request: "http://api.example.com/old?a", expect: { route: "2", status: 301, redirect: "https://new.example.com/there?a" } }
  - { request: "http://safe.example.com/x", expect: { virtual_host: safe, status: 301, redirect: "https://safe.example.com/x" } }
  - { request: { host: safe.example.com, headers: { x-forwarded-proto: https } }, expect: { cluster: one } }
  - { request: { path: /ping, headers: { cookie: [b=2, a=1] } }, expect: { status: 204 } }
  - { request: /ping, expect: no match }
  - { name: not a path, request: { path: "*", method: GET }, expect: { status: 400 } }
`);
    expect(found).toEqual({ code: 0, out: "7 checks passed\n", err: "" });
  });

  test("that is not met tells every difference, where it stands and why, and ends with 1", async () => {
    const { code, out } = await check(`
checks:
  - { request: "POST http://api.example.com/v1/x", expect: { route: split, cluster: { one: 25, two: 75 } } }
  - { request: "http://api.example.com/old", expect: { status: 302, redirect: "https://old.example.com/" } }
  - { request: "GET http://api.example.com/v1/x", expect: { cluster: { one: 50, two: 50 } } }
  - { request: "GET http://api.example.com/v1/x", expect: no match }
  - { name: fine, request: /ping, expect: no match }
  - { name: broken, request: { headers: { "a b": c } }, expect: { status: 200 } }
  - { request: { host: api.example.com, path: /old, headers: { upgrade: websocket, connection: Upgrade } }, expect: { route: 2, status: 301 } }
`);
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      "table.yaml:3:5  checks[0]: POST api.example.com /v1/x",
      "  route: expected split, found none",
      "  cluster: expected one 25 %, two 75 %, found none",
      "    virtual host api",
      '    passed over: route 0 "canary": it takes 10 % of the requests; the others go on',
      '    passed over: route 1 "split": header :method exact "GET": the request has "POST"',
      '    passed over: route 2: the path "/v1/x" does not match: path "/old"',
      "table.yaml:4:5  checks[1]: GET api.example.com /old",
      "  status: expected 302, found 301",
      "  redirect: expected https://old.example.com/, found https://new.example.com/there",
      "    virtual host api",
      '    passed over: route 0 "canary": the path "/old" does not match: prefix "/v1"',
      '    passed over: route 1 "split": the path "/old" does not match: template "/v1/{x}"',
      '    taken: route 2: path "/old"',
      "table.yaml:5:5  checks[2]: GET api.example.com /v1/x",
      "  cluster: expected one 50 %, two 50 %, found one 25 %, two 75 %",
      "    virtual host api",
      '    passed over: route 0 "canary": it takes 10 % of the requests; the others go on',
      '    taken: route 1 "split": template "/v1/{x}", header :method exact "GET"',
      "table.yaml:6:5  checks[3]: GET api.example.com /v1/x",
      "  match: expected none, found route split, cluster one 25 %, two 75 %",
      "    virtual host api",
      '    passed over: route 0 "canary": it takes 10 % of the requests; the others go on',
      '    taken: route 1 "split": template "/v1/{x}", header :method exact "GET"',
      "table.yaml:8:5  checks[5]  broken: GET localhost /",
      '  header name "a b" is not legal: expected a token (RFC 9110 section 5.6.2)',
      "table.yaml:9:5  checks[6]: GET api.example.com /old",
      "  status: expected 301, found 403",
      "    answered 403 (upgrade_failed) before any filter",
      "    virtual host api",
      '    passed over: route 0 "canary": the path "/old" does not match: prefix "/v1"',
      '    passed over: route 1 "split": the path "/old" does not match: template "/v1/{x}"',
      '    taken: route 2: path "/old"',
      "6 of 7 checks failed",
      "",
    ]);
  });

  test("may be JSON, and told as data", async () => {
    const table = JSON.stringify({ listener: "web", checks: [{ request: "/ping", expect: { status: 204 } }] });
    const { code, out } = await check(table, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { check: { request: { path: "/ping" } }, differences: [{ what: "status", expected: "204", found: "404" }] },
    ]);
  });

  test("that is wrong tells all of it, and ends with 2", async () => {
    const { code, out, err } = await check(`
listeners: web
checks:
  - { request: "GET /a b", expect: { rout: x } }
  - { expect: maybe }
  - { request: { metod: GET, path: 7, scheme: ftp, headers: { a: { b: c } } }, expect: { status: 99, cluster: { a: 0 } } }
  - 5
  - { request: /, expect: {} }
`);
    expect([code, out]).toEqual([2, ""]);
    expect(err.split("\n")).toEqual([
      'table.yaml:2:1  listeners  unknown key "listeners", expected listener, checks; did you mean "listener"?',
      'table.yaml:4:16  checks[0].request  request is something else, expected a path, a URL, or a method and one of them, as in "GET https://example.com/a"',
      'table.yaml:4:38  checks[0].expect.rout  unknown key "rout", expected route, virtual_host, cluster, status, redirect; did you mean "route"?',
      "table.yaml:5:5  checks[1]  request is missing, expected a mapping with method, host, path, scheme, headers; or a text",
      'table.yaml:5:15  checks[1].expect  expect is something else, expected "no match", or a mapping with route, virtual_host, cluster, status, redirect',
      'table.yaml:6:18  checks[2].request.metod  unknown key "metod", expected method, host, path, scheme, headers; did you mean "method"?',
      "table.yaml:6:36  checks[2].request.path  path is something else, expected a text",
      "table.yaml:6:47  checks[2].request.scheme  scheme is something else, expected http or https",
      "table.yaml:6:66  checks[2].request.headers.a  a is something else, expected a text, or a list of texts",
      "table.yaml:6:98  checks[2].expect.status  status is something else, expected a status as in 200",
      "table.yaml:6:111  checks[2].expect.cluster  cluster is something else, expected a cluster, or a mapping of clusters to shares above 0",
      "table.yaml:7:5  checks[3]  the check is something else, expected a mapping with request and expect",
      'table.yaml:8:27  checks[4].expect  expect is something else, expected "no match", or a mapping with route, virtual_host, cluster, status, redirect',
      "13 errors",
      "",
    ]);
  });

  test("that is not there, and a listener that is not", async () => {
    expect((await routes("--check", join(folder, "none.yaml"))).code).toBe(2);
    const { code, err } = await routes("--listener", "wbe");
    expect([code, err]).toEqual([2, 'proxy.yaml: there is no listener "wbe"; did you mean "web"?\n']);
  });
});

test("the command ends as it says, as a process of its own", async () => {
  const table = put("one.yaml", "checks: [{ request: /ping, expect: { status: 204 } }]\n");
  const process = new SluiceProcess(["routes", "-", "--check", table], CONFIG);
  expect(await process.exited).toBe(1);
  expect(process.out).toContain("1 of 1 check failed");
  expect(process.err).toBe("");
});
