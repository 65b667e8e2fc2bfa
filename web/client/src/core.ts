/**
 * The protocol, without a socket and without a clock: what happened goes in, what is to be done comes out (`take`). Time
 * and chance are arguments. One core lives through all connections of a client.
 */

import { Backoff, retryAfterMs } from "./backoff.js";
import { Channel, type ChannelName, type Want } from "./channel.js";
import { type Envelope, type Json, fields, read, write } from "./envelope.js";
import { FleetwireError } from "./errors.js";
import { CHANNELS, CLOSE_CODES } from "./generated.js";
import { Hearing } from "./hearing.js";
import { Liveness } from "./liveness.js";
import { Login } from "./login.js";
import { Offers } from "./offers.js";
import type { Output } from "./output.js";
import { type Request, Requests, overdue, refusal } from "./requests.js";
import { ServerClock } from "./serverclock.js";
import { type Question, questions } from "./subscribing.js";
import type { Status } from "./types.js";

const OPEN_TIMEOUT_MS = 10_000; // until the server's first message
const ANSWER_TIMEOUT_MS = 10_000;
/** For the backoff: the server's doing, come back later, and later still where it goes on like this. */
const OBJECTED = 4199;
const VERSIONS = [1, 2];

type Phase = "offline" | "opening" | "authenticating" | "restoring" | "live" | "refused" | "closed";

export class Core {
  readonly channels = new Map<ChannelName, Channel>();
  readonly serverClock = new ServerClock();
  readonly requests = new Requests();
  #hearing: Hearing;
  #offers: Offers;
  #backoff = new Backoff();
  #liveness: Liveness | null = null;
  #login = new Login();
  #out: Output[] = [];
  #phase: Phase = "offline";
  #status: Status = { state: "connecting" };
  #serial = 0; // of the connection
  #version = 1;
  #openedAt = 0;
  #isOpen = false;
  #retryAt = Infinity;
  #mayHurry = false; // the server has not asked to be left alone for a while
  #heardAt: number | null = null; // across connections

  /**
   * @param hasToken whether there is somebody to ask for a token
   * @param ticket for the first connection
   * @param version the newest to speak
   */
  constructor(
    private hasToken: boolean,
    private ticket: string | null,
    version: number,
  ) {
    this.#offers = new Offers(version);
    for (const name of Object.keys(CHANNELS) as ChannelName[]) this.channels.set(name, new Channel(name));
    this.#hearing = new Hearing(this.channels, (output) => this.#out.push(output));
  }

  /** What is to be done, and told; each once. */
  take(): Output[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  get status(): Status {
    return this.#status;
  }

  /** How long the server has not been heard; null before the first time. */
  ageMs(now: number): number | null {
    return this.#heardAt === null ? null : Math.max(0, now - this.#heardAt);
  }

  /** When `tick` is due. */
  get due(): number {
    const opened = this.#phase === "opening" ? this.#openedAt + OPEN_TIMEOUT_MS : Infinity;
    return Math.min(this.#retryAt, opened, this.#login.due, this.#liveness?.due ?? Infinity, this.requests.due);
  }

  // ------------------------------------------------------------------------------------------------------ connections

  /** Open a connection: the first one, or the next. */
  start(now: number): void {
    if (!this.hasToken && this.ticket === null) return this.#refuse("a token is needed: call authenticate", "not_authenticated");
    this.#phase = "opening";
    this.#serial++;
    this.#openedAt = now;
    this.#isOpen = false;
    this.#retryAt = Infinity;
    this.#out.push({ do: "open", offers: this.#offers.subprotocols, ticket: this.ticket });
    this.#tell({ state: "connecting" });
  }

  /** The socket is open. */
  opened(subprotocol: string): void {
    this.#isOpen = true;
    this.#version = this.#offers.agreed(subprotocol);
  }

  /** The socket is closed, or was never opened. */
  closed(now: number, chance: number, code: number | null, reason: string): void {
    const wasOpen = this.#isOpen;
    if (!wasOpen) this.#offers.failed();
    if (!wasOpen && this.ticket !== null) {
      this.ticket = null;
      if (!this.hasToken) return this.#refuse("the ticket was not taken: it is good once, for half a minute", "ticket");
    }
    const known = code === null ? undefined : CLOSE_CODES[code as keyof typeof CLOSE_CODES];
    const nobody = wasOpen ? "the connection broke off" : "no connection: is the server running, and the address right?";
    this.#lost(now, chance, code, reason, reason || known?.meaning || (code === null ? nobody : `closed with ${code}`));
  }

  /** Go on without this connection. */
  #lost(now: number, chance: number, code: number | null, reason: string, said: string, shown: number | string | null = code): void {
    this.#disconnect();
    const delay = this.#backoff.nextDelayMs(now, chance, code, reason);
    if (delay === null) return this.#refuse(said, code);
    this.#phase = "offline";
    this.#retryAt = now + delay;
    this.#mayHurry = retryAfterMs(reason) === 0 && code !== OBJECTED;
    this.#tell({ state: "offline", retryInMs: delay, reason: said, code: shown });
  }

  #drop(now: number, chance: number, error: FleetwireError, code: number | null = OBJECTED): void {
    this.#out.push({ do: "drop" });
    this.#lost(now, chance, code, "", error.message, error.code);
  }

  #disconnect(): void {
    this.#serial++;
    this.#liveness = null;
    this.#login.lost();
    this.#isOpen = false;
    this.requests.lost();
    this.#hearing.lost();
  }

  #refuse(reason: string, code: number | string | null): void {
    this.#disconnect();
    this.#phase = "refused";
    this.#retryAt = Infinity;
    this.#tell({ state: "refused", reason, code });
    this.#end(new FleetwireError(String(code ?? "refused"), reason));
  }

  close(): void {
    this.#out.push({ do: "drop" });
    this.#disconnect();
    this.#phase = "closed";
    this.#retryAt = Infinity;
    this.#tell({ state: "closed" });
    this.#end(new FleetwireError("closed", "the client is closed"));
  }

  /** Tell all who wait that no answer will come. */
  #end(error: FleetwireError): void {
    for (const id of this.requests.open.keys()) this.#out.push({ do: "failed", id, error });
    this.requests.open.clear();
    this.#out.push({ do: "unauthenticated", error });
  }

  // -------------------------------------------------------------------------------------------------------------- time

  /** Do what is due. */
  tick(now: number, chance: number): void {
    const late = this.requests.overdue(now);
    for (const request of late) if (request.isOwn) this.#out.push({ do: "failed", id: request.id, error: overdue(request) });
    const ours = late.find((request) => !request.isOwn);
    if (ours) return this.#drop(now, chance, overdue(ours));
    if (now >= this.#retryAt) this.start(now);
    else if (this.#phase === "opening" && now >= this.#openedAt + OPEN_TIMEOUT_MS) {
      if (!this.#isOpen) this.#offers.failed();
      this.#drop(now, chance, timeout("the server did not answer in time"), null);
    }
    else if (now >= this.#login.due) this.#drop(now, chance, new FleetwireError("token", "the token did not come in time", true));
    else if (this.#liveness) this.#judge(now, chance, this.#liveness.check(now));
    this.#tellAge(now);
  }

  /** The page is seen again, the network is back, or the machine has woken: look at once. */
  wake(now: number, sleptMs: number): void {
    if (this.#heardAt !== null) this.#heardAt -= sleptMs;
    if (sleptMs) this.serverClock.slept(sleptMs);
    if (this.#phase === "offline" && this.#mayHurry) this.start(now);
    else if (this.#liveness) this.#judge(now, 0, this.#liveness.wake(now, sleptMs));
    this.#tellAge(now);
  }

  #judge(now: number, chance: number, verdict: "ask" | "dead" | null): void {
    if (verdict === "ask") this.#send({ type: "heartbeat", data: { client_time: now } });
    if (verdict === "dead") this.#drop(now, chance, timeout("nothing is heard from the server any more"), null);
  }

  /** Say anew what goes by with time. */
  #tellAge(now: number): void {
    if (this.#phase === "offline") {
      const told = this.#status as Status & { state: "offline" };
      this.#tell({ ...told, retryInMs: Math.max(0, this.#retryAt - now) });
    } else if (this.#phase === "live") this.#tellLive(now);
  }

  #tellLive(now: number): void {
    this.#tell(this.#liveness!.isStale ? { state: "stale", ageMs: this.ageMs(now)! } : { state: "live" });
  }

  #tell(status: Status): void {
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.#out.push({ do: "status", status });
  }

  // ---------------------------------------------------------------------------------------------------------- identity

  /** The answer to `ask`: the token of the moment. */
  token(serial: number, now: number, chance: number, token: string): void {
    if (serial !== this.#serial) return;
    if (this.#login.given(token)) {
      const { refusal } = this.#login;
      if (!refusal) return void this.#out.push({ do: "authenticated" }); // the same again changes nothing
      this.#out.push({ do: "drop" });
      return this.#refuse(refusal.message, refusal.code);
    }
    if (!token) return this.tokenFailed(serial, now, chance, "none was given");
    this.#question(now, "auth", { token });
  }

  /** There is no token at the moment. */
  tokenFailed(serial: number, now: number, chance: number, why: string): void {
    if (serial !== this.#serial) return;
    if (this.#phase === "authenticating") this.#drop(now, chance, new FleetwireError("token", `there is no token: ${why}`, true));
  }

  /** There is another token from now on. */
  renewIdentity(now: number): void {
    this.hasToken = true;
    if (this.#phase === "refused") this.start(now);
    else if (this.#phase === "authenticating" || this.#phase === "restoring" || this.#phase === "live") this.#ask();
  }

  #ask(): void {
    this.#out.push({ do: "ask", serial: this.#serial });
  }

  #authenticated(now: number, message: Envelope): void {
    const said = fields(message.data);
    if (said.success === true || said.status === "authenticated") {
      this.#login.taken();
      this.#identified(said);
      if (this.#phase === "authenticating") return this.#restore(now);
      this.#hearing.renewAll(); // what may be heard has changed: rows begin anew, and refusals are asked about again
      return this.sync(now);
    }
    if (this.#phase !== "authenticating") {
      this.#login.kept();
      return void this.#out.push({ do: "unauthenticated", error: refusal(said) });
    }
    // Whoever gives tokens may have a newer one; the same again is refused for good.
    this.#login.refusal = refusal(said);
    this.#ask();
  }

  /** Tell who the server takes us for, as far as it says. */
  #identified(said: Json): void {
    const scopes = Array.isArray(said.scopes) ? said.scopes.map(String) : null;
    const expiresAt = typeof said.expires_at === "string" ? said.expires_at : null;
    const commands = Array.isArray(said.commands) ? { commands: said.commands.map(String) } : {};
    if (typeof said.role === "string") this.#out.push({ do: "identity", identity: { role: said.role, expiresAt, scopes, ...commands } });
    this.#out.push({ do: "authenticated" });
  }

  // ----------------------------------------------------------------------------------------------------- subscriptions

  /** Say what is wanted of a channel from now on; null for nothing. `sync` asks for it. */
  want(name: ChannelName, want: Want | null): void {
    this.#hearing.want(this.channels.get(name)!, want);
  }

  /** Begin a channel with its last messages. */
  history(name: ChannelName, count: number): void {
    const channel = this.channels.get(name)!;
    channel.historyDue = Math.max(channel.historyDue, count);
  }

  /** Ask for what is wanted and was not asked for. */
  sync(now: number): void {
    if (this.#phase !== "live" && this.#phase !== "restoring") return;
    for (const question of questions(this.channels.values()))
      this.#question(now, question.type, question.data, question);
    for (const request of this.requests.open.values()) if (!request.isSent) this.#sendRequest(request);
  }

  #restore(now: number): void {
    this.#phase = "restoring";
    this.sync(now);
    this.#restored(now);
  }

  #restored(now: number): void {
    if (this.#phase !== "restoring" || [...this.requests.open.values()].some((one) => one.question)) return;
    this.#phase = "live";
    this.#backoff.found(now);
    this.#tellLive(now);
  }

  // ---------------------------------------------------------------------------------------------------------- requests

  /** Ask something for the program; it is sent as soon as there is a connection. Gives the question's id. */
  request(now: number, timeoutMs: number, type: string, data: Json): number {
    const id = this.requests.nextId();
    this.requests.open.set(id, { id, type, data, deadline: now + timeoutMs, isOwn: true, question: null, isSent: false, wasSent: false });
    if (this.#status.state === "refused") this.#end(new FleetwireError("refused", this.#status.reason));
    this.sync(now);
    return id;
  }

  /** Wait for an answer no more. */
  abandon(id: number): void {
    this.requests.open.delete(id);
  }

  #question(now: number, type: string, data: Json, question: Question | null = null): void {
    const id = this.requests.nextId();
    const request: Request = { id, type, data, deadline: now + ANSWER_TIMEOUT_MS, isOwn: false, question, isSent: false, wasSent: false };
    this.requests.open.set(id, request);
    this.#sendRequest(request);
  }

  #sendRequest(request: Request): void {
    request.isSent = request.wasSent = true;
    this.#send({ type: request.type, data: request.data, id: request.id });
  }

  #send(message: Json): void {
    this.#out.push({ do: "send", text: write(this.#version, message) });
  }

  // ------------------------------------------------------------------------------------------------------ what is heard

  /** Take a frame. */
  frame(now: number, chance: number, text: string): void {
    this.#heardAt = now;
    const wasStale = this.#liveness?.isStale;
    this.#liveness?.heard(now);
    const serial = this.#serial;
    try {
      for (const message of read(this.#version, text)) {
        if (serial !== this.#serial) return; // dropped on the way
        if (this.#phase === "opening") this.#welcome(now, chance, message);
        else this.#message(now, chance, message);
      }
    } catch (error) {
      // What was in it is lost, be it no JSON or nested too deeply; a new connection goes on before it.
      const known = error instanceof FleetwireError ? error : new FleetwireError("malformed_message", String(error), true);
      this.#error(known);
      this.#drop(now, chance, known);
      return;
    }
    if (wasStale && this.#phase === "live") this.#tellLive(now);
  }

  #welcome(now: number, chance: number, message: Envelope): void {
    const said = fields(message.data);
    if (message.type !== "connection") return this.#objectTo(now, chance, "no fleetwire server: it did not begin with a connection message");
    if (!VERSIONS.includes(said.protocol as number))
      return this.#objectTo(now, chance, `the server speaks version ${String(said.protocol)} of the protocol, and this client ${VERSIONS.join(" and ")}`);
    this.serverClock.learn(said.server_time, this.#openedAt, now);
    this.#liveness = new Liveness(now);
    this.#out.push({ do: "message", message });
    if (this.ticket !== null) {
      this.ticket = null; // good once
      this.#identified(said); // no answer to `auth` will tell
      return this.#restore(now);
    }
    this.#phase = "authenticating";
    this.#tell({ state: "authenticating" });
    this.#login.awaited(now, said.auth_deadline);
    this.#ask();
  }

  #objectTo(now: number, chance: number, what: string): void {
    const error = new FleetwireError("version", what, true);
    this.#error(error);
    this.#drop(now, chance, error);
  }

  #message(now: number, chance: number, message: Envelope): void {
    const data = fields(message.data);
    if (message.type === "heartbeat_response" && typeof data.client_time === "number")
      this.serverClock.learn(data.server_time, data.client_time, now);
    if (!this.#hearing.hear(message)) this.#out.push({ do: "message", message });
    const request = this.requests.answered(message);
    if (request) this.#answered(now, chance, request, message);
    else if (message.type === "error" && data.code === "token_expiring") this.#ask();
    if (this.#hearing.isDistrustful) this.sync(now);
  }

  #answered(now: number, chance: number, request: Request, message: Envelope): void {
    const data = fields(message.data);
    const isRefused = message.type === "error";
    if (request.isOwn) {
      if (isRefused) this.#out.push({ do: "failed", id: request.id, error: refusal(data) });
      else this.#out.push({ do: "answered", id: request.id, value: message.data });
      return;
    }
    if (isRefused) return this.#drop(now, chance, refusal(data));
    if (!request.question) return this.#authenticated(now, message);
    this.#hearing.answered(request.question, data);
    this.sync(now);
    this.#restored(now);
  }

  #error(error: FleetwireError): void {
    const data = { code: error.code, message: error.message, temporary: error.temporary };
    this.#out.push({ do: "message", message: { type: "error", data } });
  }
}

function timeout(what: string): FleetwireError {
  return new FleetwireError("timeout", what, true);
}
