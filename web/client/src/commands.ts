// Written by `python -m fleetwire.spec` from fleetwire/fleet/commands: change it there.

/** What one parameter of a command takes. `any` is yes or no, a number or a text; `above` is not reached itself. */
export interface ParameterForm {
  readonly kind: "integer" | "number" | "boolean" | "text" | "choice" | "any";
  readonly required: boolean;
  readonly low?: number;
  readonly above?: number;
  readonly high?: number;
  readonly lengthMin?: number;
  readonly lengthMax?: number;
  readonly choices?: readonly string[];
  readonly default?: boolean | number | string;
}
/** One command. `closes` tells that it only takes risk away: nothing ever blocks it. */
export interface CommandForm {
  readonly priority: "emergency" | "closing" | "normal";
  readonly closes: boolean;
  readonly meaning: string;
  /** What there is to know about its parameters; empty where it has none. */
  readonly about: string;
  readonly params: Readonly<Record<string, ParameterForm>>;
}
/** Every command, in the order of its urgency. */
export const COMMANDS = {
  emergency_stop: {
    priority: "emergency",
    closes: true,
    meaning: "stop trading at once, and close everything unless told not to",
    about: "Stop at once; `close` also closes every position and cancels every order.",
    params: {
      close: { kind: "boolean", required: false, default: true },
    },
  },
  close_all: {
    priority: "closing",
    closes: true,
    meaning: "close all of the expert's positions and cancel its pending orders",
    about: "",
    params: {
    },
  },
  close_positions: {
    priority: "closing",
    closes: true,
    meaning: "close those of the expert's positions that meet the conditions",
    about: "Which of the expert's positions; those that meet every condition given.",
    params: {
      symbol: { kind: "text", lengthMin: 1, lengthMax: 64, required: false },
      type: { kind: "choice", choices: ["buy", "sell"], required: false },
      result: { kind: "choice", choices: ["loss", "profit"], required: false },
    },
  },
  close_position: {
    priority: "closing",
    closes: true,
    meaning: "close one position, or a part of it",
    about: "One position; `volume` in lots closes a part of it.",
    params: {
      ticket: { kind: "integer", above: 0, high: 9007199254740991, required: true },
      volume: { kind: "number", above: 0, high: 1000000000.0, required: false },
    },
  },
  cancel_orders: {
    priority: "closing",
    closes: true,
    meaning: "cancel pending orders",
    about: "Which pending orders; all of the expert's where neither is given.",
    params: {
      symbol: { kind: "text", lengthMin: 1, lengthMax: 64, required: false },
      ticket: { kind: "integer", above: 0, high: 9007199254740991, required: false },
    },
  },
  pause: {
    priority: "normal",
    closes: false,
    meaning: "open no new positions; go on managing those that are open",
    about: "",
    params: {
    },
  },
  resume: {
    priority: "normal",
    closes: false,
    meaning: "trade again after a pause or an emergency stop",
    about: "",
    params: {
    },
  },
  modify_position: {
    priority: "normal",
    closes: false,
    meaning: "move a position's stop loss or take profit",
    about: "New stops of a position; 0 removes one, and what is not given stays.",
    params: {
      ticket: { kind: "integer", above: 0, high: 9007199254740991, required: true },
      sl: { kind: "number", low: 0, high: 1000000000000.0, required: false },
      tp: { kind: "number", low: 0, high: 1000000000000.0, required: false },
    },
  },
  place_order: {
    priority: "normal",
    closes: false,
    meaning: "place an order, at market or pending",
    about: "An order. `price` is needed by pending orders, and not taken by those at market; `deviation` in points.",
    params: {
      symbol: { kind: "text", lengthMin: 1, lengthMax: 64, required: true },
      type: { kind: "choice", choices: ["buy", "buy_limit", "buy_stop", "sell", "sell_limit", "sell_stop"], required: true },
      volume: { kind: "number", above: 0, high: 1000000000.0, required: true },
      price: { kind: "number", low: 0, high: 1000000000000.0, required: false },
      sl: { kind: "number", low: 0, high: 1000000000000.0, required: false },
      tp: { kind: "number", low: 0, high: 1000000000000.0, required: false },
      deviation: { kind: "integer", low: 0, high: 1000000, required: false },
      comment: { kind: "text", lengthMax: 31, required: false },
    },
  },
  adjust_risk: {
    priority: "normal",
    closes: false,
    meaning: "change how much is risked",
    about: "How much is risked: percent of the balance for each trade, a fixed volume, or both bounds.",
    params: {
      risk_percent: { kind: "number", above: 0, high: 100, required: false },
      volume: { kind: "number", above: 0, high: 1000000000.0, required: false },
      volume_max: { kind: "number", low: 0, high: 1000000000.0, required: false },
    },
  },
  set_parameter: {
    priority: "normal",
    closes: false,
    meaning: "set one input of the expert",
    about: "One input of the expert, by the name that it has there.",
    params: {
      name: { kind: "text", required: true },
      value: { kind: "any", required: true },
    },
  },
  dead_man: {
    priority: "normal",
    closes: false,
    meaning: "what to do when the centre has not been heard for so long: nothing, pause, or close",
    about: "What the expert does by itself once it has not heard the centre for `after_s` seconds.",
    params: {
      after_s: { kind: "number", low: 5, high: 86400, required: true },
      action: { kind: "choice", choices: ["close", "none", "pause"], required: true },
    },
  },
  max_positions: {
    priority: "normal",
    closes: false,
    meaning: "bound how many positions may be open",
    about: "How many positions the expert may have open; 0 lets it open none.",
    params: {
      count: { kind: "integer", low: 0, high: 10000, required: true },
    },
  },
} as const satisfies Record<string, CommandForm>;
/** How a command may stand, and whether that is the end. */
export const COMMAND_STATUSES = {
  queued: { end: false, meaning: "on disk; not handed to the expert yet" },
  delivered: { end: false, meaning: "handed to the expert, which has not said a word" },
  accepted: { end: false, meaning: "the expert has it on its own disk, and is about to execute it, or at it" },
  executed: { end: true, meaning: "done" },
  partial: { end: true, meaning: "done in part: `results` say what, and what not" },
  rejected: { end: true, meaning: "the expert will not do it; nothing was done" },
  failed: { end: true, meaning: "the expert could not do it, or never had it; nothing was done" },
  expired: { end: true, meaning: "its time was over before the expert took it; nothing was done" },
  cancelled: { end: true, meaning: "taken back before it was handed over; nothing was done" },
  unknown: { end: false, meaning: "handed over, and then lost sight of; the expert's next full report tells" },
} as const;
