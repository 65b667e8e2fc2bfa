/** A command while it is composed: checked as it is written, confirmed where it closes something, sent once however often. */

import type { CommandRequest, CommandResponseData, CommandRow } from "fleetwire";
import { newKey } from "../../lib/keys";
import { live } from "../../lib/live.svelte";
import { COMMAND_NAMES, formOf, read, wordFor, type CommandName } from "../../lib/parameters";
import { meant, targetData, type TargetKind } from "../../lib/targets";

export type ComposerState = "asking" | "sending" | "confirming" | "failed";

const EXPIRES_MAX_S = 604_800;

export class Composer {
  #chosen = $state<CommandName>("pause");
  kind = $state<TargetKind>("expert");
  target = $state("");
  written = $state<Record<string, string>>({});
  reason = $state("");
  expiresS = $state("60");
  /** What has been typed to confirm. */
  typed = $state("");
  state = $state<ComposerState>("asking");
  /** What the server wants confirmed, or why it refused. */
  words = $state("");
  /** The command that was taken last. */
  sent = $state.raw<CommandRow | null>(null);
  #confirm = "";
  #key = "";
  #keyOf = "";

  /** What the token may give. */
  names = $derived(COMMAND_NAMES.filter((one) => live.mayGive(one)));
  command = $derived(this.names.includes(this.#chosen) ? this.#chosen : (this.names[0] ?? this.#chosen));
  form = $derived(formOf(this.command));
  word = $derived(wordFor(this.command));
  /** Every parameter as it was read. */
  read = $derived(Object.entries(this.form.params).map(([name, form]) => ({ name, form, ...read(form, this.written[name] ?? String(form.default ?? "")) })));
  meant = $derived.by(() => {
    void live.experts.shape;
    return meant(live.experts.rows.values(), this.kind, this.target);
  });
  expires = $derived(Number(this.expiresS));
  /** Why it can't be sent yet; "" when it can. */
  lacking = $derived.by(() => {
    if (this.meant.length === 0) return this.kind !== "all" && this.target === "" ? `choose the ${this.kind}` : "this means no expert";
    const wrong = this.read.find((one) => one.wrong !== "");
    if (wrong !== undefined) return wrong.wrong === "needed" ? `${wrong.name} is needed` : `${wrong.name}: ${wrong.wrong}`;
    if (!(this.expires >= 1 && this.expires <= EXPIRES_MAX_S)) return "it may wait from 1 second to 7 days";
    if (this.word !== "" && this.typed.trim().toUpperCase() !== this.word) return `type ${this.word} to confirm`;
    return "";
  });

  choose(command: string): void {
    this.#chosen = this.names.find((one) => one === command) ?? this.command;
    this.written = {};
    this.changed();
  }

  /** Something is another: what was typed to confirm the one before does not confirm this. */
  changed(): void {
    this.typed = "";
    this.words = "";
    this.#confirm = "";
    if (this.state !== "sending") this.state = "asking";
  }

  async send(): Promise<void> {
    if (this.lacking !== "" || this.state === "sending" || live.client === null) return;
    const request = this.#request();
    this.state = "sending";
    this.sent = null;
    try {
      this.#take(await live.client.command(request, { timeoutMs: 15_000 }));
    } catch (error) {
      this.state = "failed";
      this.words = error instanceof Error ? error.message : "it could not be sent";
    }
  }

  /** The same words have the same key, until they were taken: sent again after a lost answer, they count once. */
  #request(): CommandRequest {
    const params: Record<string, unknown> = {};
    for (const { name, value } of this.read) if (value !== undefined) params[name] = value;
    const asked = { target: targetData(this.kind, this.target), command: this.command, params, expires_in_s: this.expires };
    const said = JSON.stringify(asked);
    if (said !== this.#keyOf) {
      this.#key = newKey();
      this.#keyOf = said;
    }
    const confirm = this.#confirm === "" ? {} : { confirm: this.#confirm };
    // The form has the parameters of its command, read by the table; the compiler can't know.
    return { ...asked, reason: this.reason.trim(), idempotency_key: this.#key, ...confirm } as CommandRequest;
  }

  #take(answer: CommandResponseData): void {
    if (answer.status === "confirm") {
      this.#confirm = answer.confirm ?? "";
      this.words = answer.message ?? "the server wants this to be confirmed";
      this.state = "confirming";
      return;
    }
    this.sent = answer.command ?? null;
    this.#keyOf = ""; // what is sent from now on is another command, even with the same words
    this.reason = "";
    this.changed();
  }
}
