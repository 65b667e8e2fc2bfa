/** How many decimals figures have, so that those of one kind can be written alike. */

const MOST = 5;
const DIGITS = 7; // an average of prices has as many digits as prices have, not as many as a division gives

/** How many decimals a number has, at most five. */
export function decimalsIn(value: number): number {
  const text = Math.abs(value).toFixed(MOST).replace(/0+$/, "");
  return text.length - 1 - text.indexOf(".");
}

/** As many decimals as prices of one symbol need to be written alike: at least two. */
export function decimalsOf(prices: readonly (number | undefined)[]): number {
  return Math.max(2, ...prices.map((one) => (one === undefined ? 0 : decimalsIn(Number(one.toPrecision(DIGITS))))));
}
