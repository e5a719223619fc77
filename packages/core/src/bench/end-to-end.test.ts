// Why an end-to-end run is not possible is said before anything is measured.
import { expect, test } from "vitest";
import { checkEndToEnd } from "./end-to-end.ts";

test("without autocannon there is a sentence that says how to get it", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'autocannon'"));
  await expect(checkEndToEnd({ kind: "http" }, missing)).rejects.toThrow(
    "--end-to-end makes its load with autocannon, which is not installed: npm install --save-dev autocannon",
  );
  await expect(checkEndToEnd({ kind: "http" })).resolves.toBeUndefined();
});

test("network filters have no load", async () => {
  await expect(checkEndToEnd({ kind: "network" })).rejects.toThrow("--end-to-end is for HTTP filters");
});
