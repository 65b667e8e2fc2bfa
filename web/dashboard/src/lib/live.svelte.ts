/** The one place that owns the client, and all that it tells. Components read from here, and hold no connection. */

import { connect, type AlertRow, type CommandRow, type DealRow, type ExpertRow, type Fleetwire, type NewsRow, type PortfolioRow, type PriceRow, type Status } from "fleetwire";
import { api, base, type Page } from "./api";
import { clock } from "./clock.svelte";
import { Latest } from "./events.svelte";
import { linkOf } from "./link";
import { may, type Right } from "./roles";
import { Rows } from "./rows.svelte";
import { session } from "./session.svelte";
import { Steps } from "./steps.svelte";
import { wholeAlert, wholeCommand, wholeExpert, wholePortfolio } from "./whole";

const EVENTS_MAX = 2_000;
const GAPS_MAX = 50;
const HISTORY = 500; // of each event channel, at the start

/** Refusals that another token mends. */
const ASK_AGAIN = new Set<number | string | null>([4001, 4002, 4201, "token_invalid", "not_authenticated", "ticket"]);

/** A stretch of an event channel that this page has not been told. */
export interface Gap {
  channel: string;
  at: number;
}

class Live {
  readonly experts = new Rows<ExpertRow>(wholeExpert);
  readonly portfolio = new Rows<PortfolioRow>(wholePortfolio);
  readonly prices = new Rows<PriceRow>();
  readonly alerts = new Latest<AlertRow>((row) => String(row.alert_id), EVENTS_MAX);
  readonly commands = new Latest<CommandRow>((row) => row.command_id, EVENTS_MAX);
  /** When each command took each of its steps, as far as this page has heard them. */
  readonly steps = new Steps();
  readonly deals = new Latest<DealRow>((row) => `${row.server ?? ""}/${row.login ?? ""}/${row.ticket}`, EVENTS_MAX);
  readonly news = new Latest<NewsRow>((row) => `${row.id}${row.status === "announced" ? "" : "/blackout"}`, EVENTS_MAX);

  /** The connection itself; null while nobody is signed in. */
  client = $state.raw<Fleetwire | null>(null);
  role = $state.raw<string | null>(null);
  expiresAt = $state.raw<string | null>(null);
  /** The commands that the token may give, where it may not give all that its role may; else null. */
  commandsOnly = $state.raw<readonly string[] | null>(null);
  /** Milliseconds since the server was last heard. */
  ageMs = $state.raw<number | null>(null);
  gaps = $state.raw<readonly Gap[]>([]);
  /** What the server has refused of this page, last. */
  refusal = $state.raw("");
  #status = $state.raw<Status>({ state: "connecting" });
  #retryAt = $state.raw<number | null>(null);
  #stops: (() => void)[] = [];

  link = $derived(linkOf(this.#status, this.#retryAt, clock.now));
  /** Whether what is shown is what is true: connected, and everything told. */
  isLive = $derived(this.link.kind === "live");

  /** Everything of all accounts; undefined for a token that is for a part of the fleet. */
  get total(): PortfolioRow | undefined {
    return this.portfolio.get("total");
  }

  /** The currency of an account, as its experts tell it; "" while none has. */
  currencyOf(account: string): string {
    for (const row of this.experts.rows.values()) if (`${row.server}/${row.login}` === account) return row.currency;
    return "";
  }

  may(right: Right): boolean {
    return may(this.role, right);
  }

  /** Whether a command may be given, and taken back. */
  mayGive(command: string): boolean {
    return this.may("command") && (this.commandsOnly?.includes(command) ?? true);
  }

  /** Connect with what the session has. */
  start(): void {
    this.stop();
    const url = base();
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const ticket = session.ticket ?? undefined;
    const client = connect(url.href, {
      token: () => session.token ?? "",
      ...(ticket === undefined ? {} : { ticket }),
    });
    this.client = client;
    clock.follow(() => client.serverNow());
    this.#stops = [
      client.status.subscribe((status) => this.#take(status)),
      client.age.subscribe((age) => (this.ageMs = age)),
      client.identity.subscribe((identity) => {
        if (identity === null) return; // what was may be shown until it is known who comes back
        this.role = identity.role;
        this.expiresAt = identity.expiresAt;
        this.commandsOnly = identity.commands ?? null;
      }),
      client.on("connection", ({ data }) => {
        if (data.role === undefined) return; // it is told after `auth`; after a ticket nobody asks
        this.role = data.role;
        this.commandsOnly = data.commands ?? null;
      }),
      client.on("error", (message) => (this.refusal = message.data.message)),
      this.experts.follow(client.state("ea_updates")),
      this.portfolio.follow(client.state("portfolio_updates")),
      this.prices.follow(client.state("price_updates", { maxHz: 2 })),
    ];
    void this.#hear(client, "alerts", this.alerts, wholeAlert);
    void this.#hear(client, "command_updates", this.commands, (row, seq, utc) => this.steps.hear(wholeCommand(row, seq, utc, (id) => this.steps.firstOf(id))));
    void this.#hear(client, "trade_updates", this.deals);
    void this.#hear(client, "news_updates", this.news);
  }

  /** Go on as whom another token is for; a ticket's connection stays as it is. */
  async become(token: string): Promise<void> {
    if (this.client === null) this.start();
    else await this.client.authenticate(token);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.client?.close();
    this.client = null;
    this.role = null;
    this.commandsOnly = null;
    for (const rows of [this.experts, this.portfolio, this.prices]) rows.clear();
    for (const events of [this.alerts, this.commands, this.deals, this.news]) events.clear();
    this.steps.clear();
  }

  async #hear<R>(client: Fleetwire, channel: "alerts" | "command_updates" | "trade_updates" | "news_updates", into: Latest<R>, whole: (row: R, seq: number, utc: string) => R = (row) => row): Promise<void> {
    for await (const message of client.events(channel, { history: HISTORY })) {
      if (this.client !== client) return;
      if (message.type === "gap") {
        this.gaps = [{ channel, at: client.serverNow() }, ...this.gaps].slice(0, GAPS_MAX);
        if (channel === "alerts") this.#readAlerts(true);
        continue;
      }
      into.put(whole(message.data as R, message.seq, message.timestamp));
    }
  }

  /** Read the open alerts: some are older than what the channel tells at its beginning, or were told in a gap. */
  #readAlerts(anew: boolean): void {
    if (anew) this.alerts.clear();
    const client = this.client;
    void api.get<Page<AlertRow>>("alerts", { status: "open", limit: 1000 }).then(
      (page) => this.client === client && this.alerts.fill(page.items),
      () => undefined, // without the right to ask, or without a connection: the channel tells what it tells
    );
  }

  #take(status: Status): void {
    if (status.state === "live" && this.#status.state !== "live" && session.token !== null) this.#readAlerts(false);
    this.#status = status;
    this.#retryAt = status.state === "offline" ? clock.now + status.retryInMs : null;
    if (status.state !== "refused" || !ASK_AGAIN.has(status.code)) return;
    const words = session.token === null ? "The ticket was good once: give the token to come back" : this.link.words;
    this.stop();
    session.leave(words);
  }
}

export const live = new Live();
