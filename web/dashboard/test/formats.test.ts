import { describe, expect, it } from "vitest";
import { age, count, lots, money, number, percent, price, result, shapeOf, signed, toneOf } from "../src/lib/formats";

const THIN = "\u202f";

describe("figures", () => {
  it("have thin spaces between thousands, and the reader's own decimals", () => {
    expect(number(1234567.891, 2, "en")).toBe(`1${THIN}234${THIN}567.89`);
    expect(number(1234567.891, 2, "de")).toBe(`1${THIN}234${THIN}567,89`);
    expect(number(1234567.891, 2, "en-IN")).toBe(`12${THIN}34${THIN}567.89`);
  });
  it("have a real minus, and a plus where they are results", () => {
    expect(result(-31.2, "EUR", "en")).toBe(`\u221231.20${THIN}EUR`);
    expect(signed(150.75, 2, "en")).toBe("+150.75");
    expect(signed(0, 2, "en")).toBe("0.00");
    expect(signed(-0.001, 2, "en")).toBe("0.00");
  });
  it("carry their unit, with as many decimals as it has", () => {
    expect(money(12, "JPY", "en")).toBe(`12${THIN}JPY`);
    expect(percent(3.5, 1, "en")).toBe(`3.5${THIN}%`);
    expect(lots(0.1, "en")).toBe(`0.10${THIN}lots`);
    expect(price(1.08542, "en")).toBe("1.08542");
    expect(count(1, "expert")).toBe("1 expert");
    expect(count(40, "expert")).toBe("40 experts");
  });
  it.each([null, undefined, NaN, Infinity])("are a dash where there is none: %s", (value) => {
    expect(number(value)).toBe("–");
    expect(percent(value)).toBe("–");
  });
  it("say by sign, colour and shape whether something was won", () => {
    expect([toneOf(1), shapeOf(1)]).toEqual(["gain", "▲"]);
    expect([toneOf(-1), shapeOf(-1)]).toEqual(["loss", "▼"]);
    expect([toneOf(0), shapeOf(0)]).toEqual(["", ""]);
  });
});

describe("ages", () => {
  it.each([
    [80, "0.1"],
    [9_949, "9.9"],
    [12_000, "12"],
  ])("of %i ms are told in seconds: %s", (ms, text) => expect(age(ms, "en")).toBe(`${text}${THIN}s`));
  it.each([
    [180_000, `3${THIN}min`],
    [7_200_000, `2${THIN}h`],
    [345_600_000, `4${THIN}d`],
    [-5, `0.0${THIN}s`],
  ])("of %i ms are %s", (ms, text) => expect(age(ms, "en")).toBe(text));
});
