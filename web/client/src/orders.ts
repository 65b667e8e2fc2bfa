/** The forms of commands: which there are, and which parameters each takes, read off the table that the server checks them by. */

import type { COMMANDS } from "./commands.js";
import type { CommandData, TargetData } from "./generated.js";

type Table = typeof COMMANDS;
type ParamsForm<C extends CommandName> = Table[C]["params"];

/** What one parameter takes. */
type ValueOf<Form> = Form extends { kind: "choice"; choices: readonly (infer Choice)[] }
  ? Choice
  : Form extends { kind: "integer" | "number" }
    ? number
    : Form extends { kind: "boolean" }
      ? boolean
      : Form extends { kind: "text" }
        ? string
        : boolean | number | string;

type Needed<Forms> = { [Name in keyof Forms]: Forms[Name] extends { required: true } ? Name : never }[keyof Forms];
type Flat<T> = { [Name in keyof T]: T[Name] };

export type CommandName = keyof Table;

/** What a command has to say; see `COMMANDS` in `fleetwire/commands` for the bounds. */
export type CommandParams<C extends CommandName> = [keyof ParamsForm<C>] extends [never]
  ? Record<string, never>
  : Flat<
      { [Name in Needed<ParamsForm<C>>]: ValueOf<ParamsForm<C>[Name]> } & {
        [Name in Exclude<keyof ParamsForm<C>, Needed<ParamsForm<C>>>]?: ValueOf<ParamsForm<C>[Name]>;
      }
    >;

/** For whom a command is: an expert, an account (written as Server/login), a group, a strategy, or all. Exactly one of these. */
export type CommandTarget = {
  [Kind in keyof TargetData]-?: Flat<
    { [One in Kind]: Kind extends "all" ? true : NonNullable<TargetData[Kind]> } & { [Other in Exclude<keyof TargetData, Kind>]?: never }
  >;
}[keyof TargetData];

type WithParams<C extends CommandName> = [Needed<ParamsForm<C>>] extends [never] ? { params?: CommandParams<C> } : { params: CommandParams<C> };

/** What experts are asked to do. What a command's name does not fit, the compiler refuses. */
export type CommandRequest = {
  [C in CommandName]: Flat<Omit<CommandData, "command" | "params" | "target"> & { command: C; target: CommandTarget } & WithParams<C>>;
}[CommandName];
