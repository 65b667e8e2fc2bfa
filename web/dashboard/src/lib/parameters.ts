/** Parameters of commands as people write them: checked as the server will, said in words where they are wrong. */

import { COMMANDS, type CommandForm, type ParameterForm } from "fleetwire/commands";

export type CommandName = keyof typeof COMMANDS;
export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

export function formOf(command: CommandName): CommandForm {
  return COMMANDS[command];
}

/** The word that has to be typed before a command that closes something is sent; "" for others. */
export function wordFor(command: CommandName): string {
  if (!COMMANDS[command].closes) return "";
  const [first = "", second = ""] = command.split("_");
  return (first === "emergency" ? second : first).toUpperCase();
}

export type Read = { value: boolean | number | string | undefined; wrong: "" } | { value: undefined; wrong: string };

const NUMBER = /^[-+]?(\d+(\.\d*)?|\.\d+)$/;

/** Read what was written; nothing is undefined, and only wrong where something is needed. */
export function read(form: ParameterForm, written: string): Read {
  const text = form.kind === "text" ? written : written.trim();
  if (text === "") return form.required ? wrong("needed") : { value: undefined, wrong: "" };
  switch (form.kind) {
    case "boolean":
      return { value: text === "true", wrong: "" };
    case "choice":
      return form.choices?.includes(text) ? { value: text, wrong: "" } : wrong(`one of ${form.choices?.join(", ") ?? ""}`);
    case "any":
      return { value: text === "true" ? true : text === "false" ? false : NUMBER.test(text) ? Number(text) : text, wrong: "" };
    case "text":
      if (text.length < (form.lengthMin ?? 0)) return wrong(`at least ${form.lengthMin} characters`);
      return text.length > (form.lengthMax ?? Infinity) ? wrong(`at most ${form.lengthMax} characters`) : { value: text, wrong: "" };
    default:
      return readNumber(form, text);
  }
}

function readNumber(form: ParameterForm, text: string): Read {
  // A comma is a thousand to one reader and a decimal to another: with money nobody guesses.
  if (text.includes(",")) return wrong("write decimals behind a point, and no commas");
  const compact = text.replace(/[\s\u202f\u00a0]/g, "").replace("\u2212", "-");
  if (!NUMBER.test(compact)) return wrong("a number");
  const value = Number(compact);
  if (form.kind === "integer" && !Number.isSafeInteger(value)) return wrong("a whole number");
  if (form.above !== undefined && value <= form.above) return wrong(`more than ${form.above}`);
  if (form.low !== undefined && value < form.low) return wrong(`at least ${form.low}`);
  if (form.high !== undefined && value > form.high) return wrong(`at most ${form.high}`);
  return { value, wrong: "" };
}

function wrong(words: string): Read {
  return { value: undefined, wrong: words };
}

/** "close_positions" is "close positions". */
export function spoken(name: string): string {
  return name.replaceAll("_", " ");
}

/** Parameters or results on one line: "ticket 7, volume 0.1". */
export function listed(values: Record<string, unknown> | undefined): string {
  return Object.entries(values ?? {})
    .filter(([, value]) => value !== null && value !== "" && JSON.stringify(value) !== "{}")
    .map(([name, value]) => `${spoken(name)} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}
