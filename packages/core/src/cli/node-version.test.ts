// Which versions are refused, and that the refusal is one sentence even on a real old Node.
import { describe, expect, test } from "vitest";
import { unsupportedNode } from "./node-version.ts";
import manifest from "../../package.json" with { type: "json" };

describe("the version of Node", () => {
  test.each(["22.19.0", "22.20.1", "23.0.0", "24.9.0", "30.0.0-nightly"])("%s runs", (version) => {
    expect(unsupportedNode(version)).toBeNull();
  });

  test.each(["0.12.18", "12.22.0", "18.20.0", "20.19.5", "22.3.0", "22.18.9"])(
    "%s is refused in one sentence",
    (version) => {
      const sentence = unsupportedNode(version);
      expect(sentence).toBe(`sluice needs Node.js 22.19 or newer, but this is Node.js ${version}.`);
    },
  );

  test("the minimum is the one that package.json declares", () => {
    const minimum = manifest.engines.node.replace(">=", "");
    expect(unsupportedNode(`${minimum}.0`)).toBeNull();
    const [major, minor] = minimum.split(".").map(Number) as [number, number];
    expect(unsupportedNode(`${major}.${minor - 1}.99`)).toContain(`Node.js ${minimum} or newer`);
  });
});
