/** The emergency stop: asked once, under one key, however often it has to be sent; and what became of it, expert by expert. */

import type { CommandRequest, CommandResponseData, CommandRow } from "fleetwire";
import { ApiError, api } from "./api";
import { newKey } from "./keys";
import { live } from "./live.svelte";

export type StopState = "asking" | "sending" | "confirming" | "sent" | "failed";

/** How a command may end. */
const ENDS = new Set(["executed", "partial", "rejected", "failed", "expired", "cancelled"]);

export interface Tally {
  total: number;
  executed: number;
  underWay: number;
  /** Rejected, failed, expired, partial or unknown: somebody has to look. */
  wanting: number;
}

export class EmergencyStop {
  state = $state<StopState>("asking");
  /** What the server wants to have confirmed, or why it failed. */
  words = $state("");
  commandId = $state("");
  #confirm: string | undefined;
  #key = newKey();
  #asked = "";
  #first = $state.raw<readonly CommandRow[]>([]);

  /** The parts as they stand now: those of the answer, overruled by what the channel has told since. */
  parts = $derived.by(() => {
    const found = new Map(this.#first.map((row) => [row.command_id, row]));
    for (const row of live.commands.list) if (row.parent_id === this.commandId && this.commandId !== "") found.set(row.command_id, row);
    // What is not done stands first: nobody has to look for it.
    const isDone = (row: CommandRow): number => Number(row.status === "executed");
    return [...found.values()].sort((a, b) => isDone(a) - isDone(b) || (a.ea_id ?? 0) - (b.ea_id ?? 0));
  });

  tally = $derived.by((): Tally => {
    const tally = { total: this.parts.length, executed: 0, underWay: 0, wanting: 0 };
    for (const row of this.parts) {
      if (row.status === "executed") tally.executed += 1;
      else if (row.status === "unknown" || ENDS.has(row.status)) tally.wanting += 1;
      else tally.underWay += 1;
    }
    return tally;
  });

  async send(close: boolean, reason: string): Promise<void> {
    this.state = "sending";
    const asked = JSON.stringify([close, reason]);
    if (this.#asked !== "" && asked !== this.#asked) {
      this.#key = newKey(); // under the old one the server knows another command
      this.#confirm = undefined;
    }
    this.#asked = asked;
    const request: CommandRequest = {
      target: { all: true },
      command: "emergency_stop",
      params: { close },
      idempotency_key: this.#key,
      expires_in_s: 300,
      reason: reason.trim() || "emergency stop from the dashboard",
      ...(this.#confirm === undefined ? {} : { confirm: this.#confirm }),
    };
    try {
      this.#take(await this.#sent(request));
    } catch (error) {
      this.state = "failed";
      this.words = error instanceof Error ? error.message : "it could not be sent";
    }
  }

  /** By the connection that is open; by a request of its own where none is. Both carry the same key: it counts once. */
  async #sent(request: CommandRequest): Promise<CommandResponseData> {
    const client = live.client;
    if (client !== null && live.isLive) {
      const answer: unknown = await client.command(request, { timeoutMs: 10_000 });
      return answer as CommandResponseData;
    }
    try {
      return await api.post<CommandResponseData>("commands", request);
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) {
        throw new ApiError(error.code, 0, "There is no connection to the server. Use the terminals themselves, or try again: it counts once");
      }
      throw error;
    }
  }

  #take(answer: CommandResponseData): void {
    if (answer.status === "confirm") {
      this.#confirm = answer.confirm;
      this.words = answer.message ?? "the server wants this to be confirmed";
      this.state = "confirming";
      return;
    }
    this.commandId = answer.command_id ?? "";
    this.#first = answer.children ?? (answer.command ? [answer.command] : []);
    this.state = "sent";
  }
}
