import { expect, test } from "vitest";
import { directResponseConfig } from "./config.ts";

const judge = (value: unknown) => directResponseConfig["~standard"].validate(value);

test.each([
  ["text", { inline_string: "h\u00e9" }, { kind: "bytes", bytes: Buffer.from("h\u00e9", "utf8") }],
  ["bytes", { inline_bytes: "AAH/" }, { kind: "bytes", bytes: Buffer.from([0, 1, 255]) }],
  ["a file", { filename: "/etc/motd" }, { kind: "file", path: "/etc/motd" }],
  ["a variable", { environment_variable: "MOTD" }, { kind: "environment", variable: "MOTD" }],
  ["nothing", {}, { kind: "bytes", bytes: new Uint8Array(0) }],
  ["absent", undefined, { kind: "bytes", bytes: new Uint8Array(0) }],
])("%s", (_title, response, expected) => {
  expect(judge({ response })).toEqual({ value: { response: expected } });
});

const known = "filename, inline_bytes, inline_string, environment_variable";

test.each([
  [
    "two sources",
    { response: { filename: "a", inline_string: "b" } },
    `expected only one of ${known}`,
    ["response", "inline_string"],
  ],
  ["broken base64", { response: { inline_bytes: "%%" } }, "expected base64", ["response", "inline_bytes"]],
  ["no path", { response: { filename: "" } }, "expected the path of a file", ["response", "filename"]],
  [
    "no variable",
    { response: { environment_variable: "" } },
    "expected the name of an environment variable",
    ["response", "environment_variable"],
  ],
  ["a number", { response: { inline_string: 5 } }, "expected text", ["response", "inline_string"]],
  [
    "a watched directory",
    { response: { watched_directory: {} } },
    `unknown field, expected one of ${known}`,
    ["response", "watched_directory"],
  ],
  ["an unknown field", { reply: {} }, "unknown field, expected one of response", ["reply"]],
  ["no mapping", { response: "text" }, "expected a mapping", ["response"]],
])("%s is refused", (_title, value, message, path) => {
  expect(judge(value)).toEqual({ issues: [{ message, path }] });
});
