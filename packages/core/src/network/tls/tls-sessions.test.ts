import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { pem } from "../../../../../test/support/tls.ts";
import { TlsSessions } from "./tls-sessions.ts";

const ticket = (text: string, isForOneUse = false) => ({ bytes: Buffer.from(text), certificate: null, isForOneUse });

const taken = (sessions: TlsSessions, key: string): string | undefined => sessions.take(key)?.bytes.toString();

test("the newest session of a server is given, again and again; a ticket for one use once", () => {
  const sessions = new TlsSessions(2);
  expect(taken(sessions, "a")).toBe(undefined);
  for (const name of ["1", "2", "3"]) sessions.add("a", ticket(name));
  expect([taken(sessions, "a"), taken(sessions, "a")]).toEqual(["3", "3"]);
  expect(taken(sessions, "b")).toBe(undefined);
  for (const name of ["4", "5", "6"]) sessions.add("b", ticket(name, true));
  expect([taken(sessions, "b"), taken(sessions, "b"), taken(sessions, "b")]).toEqual(["6", "5", undefined]);
});

test("servers that nobody spoke to for long are forgotten first", () => {
  const sessions = new TlsSessions(1);
  for (let i = 0; i < 1024; i++) sessions.add(`server ${i}`, ticket(`${i}`));
  sessions.add("server 0", ticket("again"));
  sessions.add("one more", ticket("new"));
  expect(taken(sessions, "server 0")).toEqual("again");
  expect(taken(sessions, "server 1")).toBe(undefined);
});

test("a session ends with its server's certificate", () => {
  const sessions = new TlsSessions(1);
  for (const name of ["server", "expired"])
    sessions.add(name, { bytes: Buffer.from(name), certificate: new X509Certificate(pem(name)), isForOneUse: false });
  expect([taken(sessions, "server"), taken(sessions, "expired")]).toEqual(["server", undefined]);
});
