/** How uPlot draws equity over balance, with the drawdown shaded: readable in greyscale, without anything that says nothing. */

import type uPlot from "uplot";
import { number } from "../lib/formats";
import { clock, day, hourAndMinute, type Zone } from "../lib/time";

/** Seconds since 1970, balance, equity, and the best equity so far: columns of one length. */
export type CurveData = [number[], (number | null)[], (number | null)[], (number | null)[]];

export interface Look {
  zone: Zone;
  brokerOffsetS: number | null;
  width: number;
  height: number;
  rem: number;
  /** Charts with one key share their crosshair. */
  sync: string;
  /** Draws steps: a balance stays as it is until the next deal. */
  steps: uPlot.Series.PathBuilder | null;
}

/** Read the colours of the theme: a canvas knows no style sheet. */
function colours(): (name: string) => string {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

/** A pattern of fine lines, by which the drawdown is told from empty ground without any colour. */
function hatch(context: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  if (pen === null) return colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(-1, 7);
  pen.lineTo(7, -1);
  pen.stroke();
  return context.createPattern(tile, "repeat") ?? colour;
}

/** How much room the figures beside the curve need, in rem: a digit takes about half of one, and none is cut. */
function widthOf(marks: readonly string[]): number {
  return Math.max(4.25, 0.5 * Math.max(0, ...marks.map((mark) => mark.length)) + 0.75);
}

export function options(look: Look, onCursor: (index: number | null) => void): uPlot.Options {
  const colour = colours();
  const font = `${Math.round(look.rem * 0.75)}px ${colour("font")}`;
  const grid = { stroke: colour("line"), width: 1 };
  const axis = { stroke: colour("muted"), font, ticks: { show: false }, gap: 6 };
  const time = (s: number, step: number): string => (step < 60 ? clock : hourAndMinute)(s * 1000, look.zone, look.brokerOffsetS);
  return {
    width: look.width,
    height: look.height,
    padding: [8, 0, 0, 2],
    legend: { show: false },
    cursor: { sync: { key: look.sync }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, low, high) => padded(low, high) } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: look.rem * 1.75,
        space: look.rem * 6,
        align: 1,
        values: (_, marks, __, ___, step) => marks.map((s) => (step >= 86_400 ? day(s * 1000, look.zone, look.brokerOffsetS) : time(s, step))),
      },
      { ...axis, grid, side: 1, size: (_, marks: string[] | null) => widthOf(marks ?? []) * look.rem, space: look.rem * 2.5, values: (_, marks) => marks.map((mark) => number(mark, decimals(marks))) },
    ],
    series: [
      {},
      { label: "balance", stroke: colour("muted"), width: 1, points: { show: false }, spanGaps: true, ...(look.steps && { paths: look.steps }) },
      { label: "equity", stroke: colour("text"), width: 1.75, points: { show: false } },
      { label: "best equity", stroke: "transparent", width: 0, points: { show: false } },
    ],
    bands: [{ series: [3, 2], fill: (plot) => hatch(plot.ctx, colour("loss")) }],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

/** A little room above and below; a flat line lies in the middle. */
function padded(low: number, high: number): [number, number] {
  const span = high - low || Math.abs(high) * 0.001 || 1;
  return [low - span * 0.08, high + span * 0.08];
}

function decimals(marks: readonly number[]): number {
  const step = Math.abs((marks[1] ?? 0) - (marks[0] ?? 0));
  return step >= 1 || step === 0 ? 0 : step >= 0.1 ? 1 : 2;
}
