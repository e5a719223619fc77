import { expect, test } from "vitest";
import { type Finding, type Location, Problems } from "./problems.ts";

const at = (line: number, column: number, path = "a.b"): Location => ({ file: "proxy.yaml", line, column, path });
const finding: Finding = { code: "ERR_CONFIG_TYPE", message: "found a list" };

test("a problem is one line of place, path, what is wrong, what was expected and the near miss", () => {
  const problems = new Problems();
  problems.error(at(3, 7), { ...finding, expected: "a number", suggestion: "12" });
  expect(problems.format()).toBe('proxy.yaml:3:7  a.b  found a list, expected a number; did you mean "12"?\n1 error\n');
});

test("a problem of the whole file has neither position nor path", () => {
  const problems = new Problems();
  problems.error(at(0, 0, ""), { code: "ERR_CONFIG_READ", message: "the file cannot be read" });
  expect(problems.format()).toBe("proxy.yaml  the file cannot be read\n1 error\n");
});

test("problems come in the order of the file, whatever the order in which they were found", () => {
  const problems = new Problems();
  problems.error(at(10, 1), finding);
  problems.warning(at(2, 9), finding);
  problems.error(at(2, 3), finding);
  expect([...problems].map(({ line, column }) => [line, column])).toEqual([
    [2, 3],
    [2, 9],
    [10, 1],
  ]);
});

test("the same problem found twice is told once", () => {
  const problems = new Problems();
  problems.error(at(1, 1), finding);
  problems.error(at(1, 1), finding);
  problems.error(at(1, 1), { ...finding, message: "another" });
  expect(problems.size).toBe(2);
});

test("warnings are marked, counted apart and are no errors", () => {
  const problems = new Problems();
  problems.warning(at(1, 1), finding);
  expect(problems.hasErrors).toBe(false);
  problems.error(at(2, 1), finding);
  problems.error(at(3, 1), finding);
  expect(problems.format()).toContain("proxy.yaml:1:1  a.b  warning: found a list\n");
  expect(problems.summary()).toBe("2 errors, 1 warning");
  expect(problems.errorCount).toBe(2);
});

test("nothing found prints nothing", () => {
  expect(new Problems().format()).toBe("");
  expect(new Problems().summary()).toBe("0 errors");
});

test("a long list is cut, and the summary still counts all", () => {
  const problems = new Problems();
  for (let line = 1; line <= 12; line++) problems.error(at(line, 1), finding);
  const lines = problems.format(10).split("\n");
  expect(lines).toHaveLength(13);
  expect(lines.slice(-3)).toEqual(["… and 2 more", "12 errors", ""]);
});

test("after a thousand problems no more are kept", () => {
  const problems = new Problems();
  for (let line = 1; line <= 1200; line++) problems.error(at(line, 1), finding);
  expect(problems.isFull).toBe(true);
  expect(problems.size).toBe(1000);
});

test("control characters in names cannot forge lines or terminal codes", () => {
  const problems = new Problems();
  problems.error(at(1, 1, 'a["\n"]'), { ...finding, message: "unknown field \u001b[31m\u2028" });
  expect(problems.format()).toBe('proxy.yaml:1:1  a["\\u000a"]  unknown field \\u001b[31m\\u2028\n1 error\n');
});
