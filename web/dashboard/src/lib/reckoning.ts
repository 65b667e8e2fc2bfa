/** What a curve is made of: points, and what the deals before the first of them tell of the balance. */

import type { CurveData } from "../components/curve";

export interface Point {
  ms: number;
  balance: number;
  /** Null where nobody sampled it. */
  equity: number | null;
}

/** What changed the balance, and when; oldest first. */
export interface Booking {
  ms: number;
  amount: number;
}

/**
 * Reckon the balance back from a moment at which it is known: each booking before it changed it.
 *
 * @param known the first point of which balance and equity are known.
 */
export function balanceBefore(known: Point, bookings: readonly Booking[]): Point[] {
  const points: Point[] = [];
  let balance = known.balance;
  for (const booking of bookings.toReversed()) {
    if (booking.ms >= known.ms) continue;
    points.push({ ms: booking.ms, balance, equity: null });
    balance -= booking.amount;
  }
  return points.reverse();
}

/** Points as columns, with the best equity so far beside them: from that to the equity is the drawdown. */
export function columnsOf(points: readonly Point[]): CurveData {
  const data: CurveData = [[], [], [], []];
  let best = -Infinity;
  for (const point of points) {
    if (point.equity !== null) best = Math.max(best, point.equity);
    data[0].push(point.ms / 1000);
    data[1].push(point.balance);
    data[2].push(point.equity);
    data[3].push(point.equity === null ? null : best);
  }
  return data;
}
