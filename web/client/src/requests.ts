/** The open questions: which answer belongs to which, and until when each is waited for. */

import { type Envelope, type Json, fields } from "./envelope.js";
import { FleetwireError } from "./errors.js";
import type { Question } from "./subscribing.js";

export interface Request {
  readonly id: number;
  readonly type: string;
  readonly data: Json;
  readonly deadline: number;
  /** The program's own outlives a connection, and is sent again on the next one. */
  readonly isOwn: boolean;
  /** Where it is about subscriptions. */
  readonly question: Question | null;
  /** On this connection. */
  isSent: boolean;
  /** On this one, or on one before it. */
  wasSent: boolean;
}

const REPLY_OF: Record<string, string> = {
  auth: "auth_response",
  subscribe: "subscription_response",
  unsubscribe: "subscription_response",
  command: "command_response",
  command_cancel: "command_response",
};

export class Requests {
  readonly open = new Map<number, Request>();
  #lastId = 0;

  nextId(): number {
    return ++this.#lastId;
  }

  /** Find the question that a message answers, and close it. */
  answered(message: Envelope): Request | undefined {
    const data = fields(message.data);
    const request = this.open.get((message.id ?? data.id) as number) ?? this.#acknowledged(message, data);
    if (!request) return undefined;
    const isAnswer = message.type === "error" || message.type === REPLY_OF[request.type] || message.type === "alert";
    if (!isAnswer) return undefined;
    this.open.delete(request.id);
    return request;
  }

  /** An acknowledgement is answered by the alert itself, on its channel. */
  #acknowledged(message: Envelope, data: Json): Request | undefined {
    if (message.type !== "alert" || data.status === "raised") return undefined;
    return [...this.open.values()].find((one) => one.type === "alert_ack" && one.isSent && one.data.alert_id === data.alert_id);
  }

  /** Take those whose time is over. */
  overdue(now: number): Request[] {
    const found = [...this.open.values()].filter((request) => now >= request.deadline);
    for (const request of found) this.open.delete(request.id);
    return found;
  }

  /** Note that the connection is lost: what the program asked is asked again on the next one. */
  lost(): void {
    for (const request of this.open.values()) {
      if (request.isOwn) request.isSent = false;
      else this.open.delete(request.id);
    }
  }

  get due(): number {
    return Math.min(Infinity, ...[...this.open.values()].map((request) => request.deadline));
  }
}

/** Say what an `error`, or a refusal in another answer, says. */
export function refusal(said: Json): FleetwireError {
  const code = String(said.code ?? said.error ?? "refused");
  return new FleetwireError(code, String(said.message ?? code), said.temporary === true);
}

export function overdue(request: Request): FleetwireError {
  if (!request.wasSent) return new FleetwireError("timeout", `${request.type} was not sent: there was no connection in time`, true);
  const key = request.data.idempotency_key;
  const hint = key ? `; it may have been done: the same again, with idempotency_key ${String(key)}, gives its answer` : "";
  return new FleetwireError("timeout", `no answer to ${request.type} in time${hint}`, true);
}
