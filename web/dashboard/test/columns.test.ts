import { describe, expect, it } from "vitest";
import { fitting, needed, type Column } from "../src/components/columns";

type Row = { name: string; result: string };
const column = (fields: Partial<Column<Row>>): Column<Row> => ({ key: "name", label: "name", explain: "", width: 5, rank: 0, text: (row) => row.name, ...fields });
const oneEach = (text: string): number => text.length; // a letter is a rem wide

describe("a column", () => {
  const rows = [{ name: "Grid", result: "+1.00" }, { name: "London Breakout", result: "\u22121\u202f234\u202f567.00" }];
  it("is as wide as the longest text that is seen, where nothing of it may be cut", () => {
    const narrow = needed(column({ key: "result", label: "", whole: true, text: (row) => row.result }), rows.slice(0, 1), oneEach);
    const wide = needed(column({ key: "result", label: "", whole: true, text: (row) => row.result }), rows, oneEach);
    expect(wide).toBeGreaterThanOrEqual(rows[1]!.result.length + 1);
    expect(wide).toBeGreaterThan(narrow);
  });
  it("has room for what stands beside the text, and for the sign by which it is sorted", () => {
    const bare = needed(column({ label: "", whole: true }), rows.slice(0, 1), oneEach);
    expect(needed(column({ label: "", whole: true, beside: 2 }), rows.slice(0, 1), oneEach)).toBe(bare + 2);
    const label = "closed";
    expect(needed(column({ label, whole: true, by: (row) => row.name }), [], oneEach)).toBe(needed(column({ label, whole: true }), [], oneEach) + 1);
  });
  it("never becomes narrower, and has an end", () => {
    expect(needed(column({ whole: true }), [], oneEach, 9)).toBe(9);
    expect(needed(column({ whole: true }), [{ name: "x".repeat(200), result: "" }], oneEach)).toBe(16);
    expect(needed(column({}), rows, oneEach)).toBe(5); // an ellipsis may end it
  });
  it("measures figures by the widest digit", () => {
    const seen: string[] = [];
    needed(column({ whole: true, text: (row) => row.result }), rows, (text) => seen.push(text));
    expect(seen.join("")).not.toMatch(/[1-9]/);
  });
});

it("gives way where figures are wider than was thought, the least wanted first", () => {
  const columns = [column({ key: "a" }), column({ key: "b", rank: 2 }), column({ key: "c", rank: 1 })];
  expect(fitting(columns, 15).map((one) => one.key)).toEqual(["a", "b", "c"]);
  expect(fitting(columns, 15, (one) => (one.key === "a" ? 8 : 5)).map((one) => one.key)).toEqual(["a", "c"]);
  expect(fitting(columns, 1).map((one) => one.key)).toEqual(["a"]);
});
