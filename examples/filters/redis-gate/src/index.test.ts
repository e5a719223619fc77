// The gate between a scripted client and a scripted server: what passes, what is answered, and in which order, in any chunking.
import { networkHarness, networkFilterConformance } from "@sluice/core/testing";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import redisGate from "./index.ts";

const NOPERM = "-NOPERM this command is not allowed here\r\n";

/** A command as clients send it. */
function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

async function gate(settings: object = { deny: ["flushall", "config|set"] }) {
  const harness = await networkHarness(redisGate, { config: settings });
  onTestFinished(() => harness.close());
  return { harness, client: harness.connect() };
}

describe("a command", () => {
  test.each([
    command("GET", "a"),
    command("SET", "flushall", "flushall"),
    command("config", "get", "*"),
    command("SET", "k", `x\r\n${command("FLUSHALL")}`),
    "*0\r\n",
    "\r\n",
    "GET a\r\n",
    "PING\n",
  ])("that is allowed reaches the server as it is: %j", async (bytes) => {
    const { client } = await gate();
    client.send(bytes);
    expect([client.upstream.received, client.received]).toEqual([bytes, ""]);
  });

  test.each([
    command("FLUSHALL"),
    command("FlushAll", "ASYNC"),
    command("CONFIG", "SET", "dir", "/"),
    "flushall\r\n",
    "\t CONFIG  set x y\n",
  ])("that is not is answered here: %j", async (bytes) => {
    const { harness, client } = await gate();
    client.send(bytes);
    expect([client.upstream.received, client.received, client.closed]).toEqual(["", NOPERM, false]);
    expect(harness.stats()).toMatchObject({ denied: 1, passed: 0 });
  });

  test("is judged by a list of what is allowed, too", async () => {
    const { client } = await gate({ allow: ["get", "client|setname"] });
    client.send(
      command("GET", "a") +
        command("SET", "a", "b") +
        command("CLIENT", "KILL", "x") +
        command("CLIENT", "SETNAME", "x"),
    );
    expect(client.upstream.received).toBe(command("GET", "a") + command("CLIENT", "SETNAME", "x"));
  });

  test("streams: its arguments are not waited for", async () => {
    const { client } = await gate();
    client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nbegin");
    expect(client.upstream.received).toContain("begin");
  });

  test.each([
    '"flushall"\r\n',
    'flush"all"\r\n',
    "'\\x66lushall'\r\n",
    "flushall\u0000x\r\n",
    "*1\n$8\nflushall\n",
    "*1\r\n:8\r\n",
    "*1\r\n$8\r\nFLUSHALLxx",
    "*1\r\n$8\r\nFLUSHALL\rx",
    "*2\r\n$3\r\nGET\r\n$1\r\nab\r\n",
    "*x\r\n",
    `*70000\r\n`,
    `${"x".repeat(70_000)}\r\n`,
    "*1\r\n$9999999999\r\n",
  ])("that Redis might read otherwise closes the connection: %j", async (bytes) => {
    const { harness, client } = await gate();
    client.send(bytes);
    expect([client.closed, harness.stat("protocol_errors")]).toEqual([true, 1]);
    expect(client.upstream.received).not.toContain("flush");
  });

  test("with a name longer than any is held no longer than its length is known", async () => {
    const { client } = await gate({ allow: ["get"] });
    client.send(`*2\r\n$500000000\r\n${"x".repeat(1000)}`);
    expect([client.upstream.received, client.received]).toEqual(["", NOPERM]);
  });

  test("that is cut in half does not reach the server's half-close", async () => {
    const { client } = await gate();
    client.send("*2\r\n$3\r\nGET\r\n$1\r\n", true);
    expect(client.closed).toBe(true);
  });
});

describe("answers", () => {
  test("come in the order of the commands", async () => {
    const { client } = await gate();
    client.send(
      command("GET", "a") +
        command("FLUSHALL") +
        command("GET", "b") +
        command("FLUSHALL") +
        command("FLUSHALL") +
        command("GET", "c"),
    );
    expect(client.take()).toBe("");
    client.upstream.send("$1\r\nA");
    client.upstream.send("\r\n*2\r\n:1\r\n$-1\r\n+C\r\n");
    expect(client.take()).toBe(`$1\r\nA\r\n${NOPERM}*2\r\n:1\r\n$-1\r\n${NOPERM}${NOPERM}+C\r\n`);
    client.send(command("FLUSHALL"));
    expect(client.take()).toBe(NOPERM);
  });

  test("of RESP3: push messages are nobody's answer", async () => {
    const { client } = await gate();
    client.send(command("GET", "a") + command("FLUSHALL"));
    client.upstream.send(">2\r\n+invalidate\r\n*1\r\n+a\r\n");
    expect(client.take()).toBe(">2\r\n+invalidate\r\n*1\r\n+a\r\n");
    client.upstream.send("|1\r\n+ttl\r\n:1\r\n%1\r\n+k\r\n#t\r\n");
    expect(client.take()).toBe(`|1\r\n+ttl\r\n:1\r\n%1\r\n+k\r\n#t\r\n${NOPERM}`);
  });

  test("do not break into a push message", async () => {
    const { client } = await gate();
    client.upstream.send(">2\r\n+message\r\n");
    client.send(command("FLUSHALL"));
    expect(client.take()).toBe(">2\r\n+message\r\n");
    client.upstream.send("+text\r\n");
    expect(client.take()).toBe(`+text\r\n${NOPERM}`);
  });

  test("that are none close the connection", async () => {
    const { client } = await gate();
    client.send(command("GET", "a"));
    client.upstream.send("HTTP/1.1 200 OK\r\n");
    expect(client.closed).toBe(true);
  });
});

describe("a client that asks and asks", () => {
  const flood = (commands: number): string => command("FLUSHALL").repeat(commands);

  test("and does not read the answers is not read from until it does", async () => {
    const { client } = await gate();
    client.slow().send(flood(50_000));
    expect(client.paused).toBe(true);
    client.fast();
    expect([client.paused, client.received.length]).toEqual([false, 50_000 * NOPERM.length]);
  });

  test("behind an answer that does not come is cut", async () => {
    const { client } = await gate();
    client.send(command("BLPOP", "a", "0") + flood(10_000));
    expect(client.closed).toBe(false);
    client.send(flood(1));
    expect(client.closed).toBe(true);
  });

  test("may go on once that answer has come", async () => {
    const { client } = await gate();
    client.send(command("GET", "a") + flood(10_000));
    client.upstream.send("$-1\r\n");
    client.send(command("GET", "a") + flood(10_000));
    expect(client.closed).toBe(false);
  });
});

describe("a transaction", () => {
  test("that lost a command is discarded", async () => {
    const { client } = await gate();
    client.send(command("MULTI") + command("SET", "a", "1") + command("FLUSHALL") + command("EXEC") + command("PING"));
    expect(client.upstream.received).toBe(
      command("MULTI") + command("SET", "a", "1") + command("DISCARD") + command("PING"),
    );
    client.upstream.send("+OK\r\n+QUEUED\r\n+OK\r\n+PONG\r\n");
    expect(client.take()).toBe(
      `+OK\r\n+QUEUED\r\n${NOPERM}-EXECABORT Transaction discarded because of previous errors.\r\n+PONG\r\n`,
    );
    client.send(command("MULTI") + command("EXEC"));
    expect(client.upstream.received).toContain(command("MULTI") + command("EXEC"));
  });
});

describe("after SUBSCRIBE", () => {
  test("whatever the server says passes, and a command that is not allowed closes", async () => {
    const { client } = await gate();
    client.send(command("GET", "a") + command("FLUSHALL") + command("SUBSCRIBE", "x", "y"));
    client.upstream.send("$-1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
    expect(client.take()).toBe(`$-1\r\n${NOPERM}*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n`);
    client.upstream.send("*3\r\nanything");
    expect(client.take()).toBe("*3\r\nanything");
    client.send(command("FLUSHALL"));
    expect(client.closed).toBe(true);
  });
});

const isDenied = ([name, subcommand]: readonly string[]): boolean => name === "FLUSHALL" || subcommand === "SET";
const EXEC = command("EXEC");
const DISCARD = command("DISCARD");

test("any chunking of commands and answers gives the same", async () => {
  const words = fc.constantFrom(
    ["GET", "a"],
    ["FLUSHALL"],
    ["SET", "k", "x\r\n*1\r\n$8\r\nFLUSHALL\r\n"],
    ["CONFIG", "SET", "a", "b"],
    ["CONFIG", "GET", "a"],
    ["MULTI"],
    ["EXEC"],
  );
  const reply = fc.constantFrom(
    "+OK\r\n",
    "$-1\r\n",
    "$5\r\na\r\nbc\r\n",
    "*2\r\n*0\r\n$1\r\nx\r\n",
    "-ERR no\r\n",
    ":1\r\n",
  );
  const pieces = (text: string, cuts: readonly number[]): string[] => {
    const points = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
    return [0, ...points].map((from, i) => text.slice(from, points[i] ?? text.length)).filter((piece) => piece !== "");
  };
  const play = async (
    commands: readonly (readonly string[])[],
    replies: readonly string[],
    cuts: readonly number[],
  ) => {
    const { client, harness } = await gate();
    for (const piece of pieces(commands.map((each) => command(...each)).join(""), cuts)) client.send(piece);
    for (const piece of pieces(replies.slice(0, harness.stat("passed")).join(""), cuts)) client.upstream.send(piece);
    return { server: client.upstream.received, client: client.received, isClosed: client.closed };
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(words, { maxLength: 8 }),
      fc.array(reply, { minLength: 8, maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      async (commands, replies, cuts) => {
        const whole = await play(commands, replies, []);
        expect(await play(commands, replies, cuts)).toEqual(whole);
        expect(whole.isClosed).toBe(false);
        expect(whole.server.replaceAll(DISCARD, EXEC)).toBe(
          commands
            .filter((each) => !isDenied(each))
            .map((each) => command(...each))
            .join(""),
        );
        expect(whole.client.split("NOPERM").length - 1).toBe(commands.filter(isDenied).length);
      },
    ),
    { numRuns: 60 },
  );
});

test.each([[{}], [{ allow: ["get"], deny: ["set"] }], [{ deny: ["a b"] }], [{ deny: ["x"], message: "a\r\nb" }]])(
  "%j is refused",
  async (config) => {
    await expect(networkHarness(redisGate, { config })).rejects.toThrow();
  },
);

describe("conformance", () => {
  const conversations = [
    {
      client: command("SET", "k", "v".repeat(500)) + command("FLUSHALL") + command("GET", "k"),
      server: "+OK\r\n$3\r\nabc\r\n",
    },
  ];
  for (const check of networkFilterConformance(redisGate, { config: { deny: ["flushall"] }, conversations }))
    test(check.name, check.run);
});
