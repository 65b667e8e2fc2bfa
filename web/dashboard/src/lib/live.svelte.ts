/** The one place that owns the client, and all that it tells. Components read from here, and hold no connection. */

import { connect, type AlertRow, type CommandRow, type DealRow, type ExpertRow, type Fleetwire, type NewsRow, type PortfolioRow, type PriceRow, type Status } from "fleetwire";
import { api, base, type Page } from "./api";
import { clock } from "./clock.svelte";
import { Latest } from "./events.svelte";
import { linkOf, whyRefused, type Link } from "./link";
import { Notices } from "./notices.svelte";
import { may, type Right } from "./roles";
import { Rows } from "./rows.svelte";
import { session } from "./session.svelte";
import { ALERT, COMMAND, DEAL, EXPERT, NEWS, PORTFOLIO, PRICE, shaped } from "./shape";
import { Steps } from "./steps.svelte";
import { moment } from "./time";
import { wholeAlert, wholeCommand, wholeExpert, wholeNews, wholePortfolio } from "./whole";

const EVENTS_MAX = 2_000;
const HISTORY = 500; // of each event channel, at the start

/** Refusals that another token mends. */
const ASK_AGAIN = new Set<number | string | null>([4001, 4002, 4201, "token_invalid", "not_authenticated", "ticket"]);

type Events = "alerts" | "command_updates" | "trade_updates" | "news_updates";
const NAMES: Record<Events, string> = { alerts: "alerts", command_updates: "steps of commands", trade_updates: "trades", news_updates: "news" };
const CLOCK_MS = 1_000; // that the server's clock may be known wrongly
const ROWS_MS = 300; // frames come that often even in a hidden page
const TOLD_MS = 2_000; // until the server says that it has told all, where it has anything to say of it
const WRONG_MAX = 5; // fields that are named

class Live {
  readonly experts = new Rows<ExpertRow>((row, key) => wholeExpert(this.#read(row, EXPERT, `expert ${key}`)));
  readonly portfolio = new Rows<PortfolioRow>((row, key) => wholePortfolio(this.#read(row, PORTFOLIO, `the portfolio ${key}`)));
  readonly prices = new Rows<PriceRow>((row, key) => this.#read(row, PRICE, `the price of ${key}`));
  readonly alerts = new Latest<AlertRow>((row) => String(row.alert_id), EVENTS_MAX);
  readonly commands = new Latest<CommandRow>((row) => row.command_id, EVENTS_MAX);
  /** When each command took each of its steps, as far as this page has heard them. */
  readonly steps = new Steps();
  readonly deals = new Latest<DealRow>((row) => `${row.server ?? ""}/${row.login ?? ""}/${row.ticket}`, EVENTS_MAX);
  readonly news = new Latest<NewsRow>((row) => `${row.id}${row.status === "announced" ? "" : "/blackout"}`, EVENTS_MAX);

  /** The connection itself; null while nobody is signed in. */
  client = $state.raw<Fleetwire | null>(null);
  role = $state.raw<string | null>(null);
  /** The commands that the token may give, where it may not give all that its role may; else null. */
  commandsOnly = $state.raw<readonly string[] | null>(null);
  /** Milliseconds since the server was last heard. */
  ageMs = $state.raw<number | null>(null);
  readonly notices = new Notices();
  /** How often events were missed: lists that are read from the API are read anew then. */
  missed = $state(0);
  #missing = new Set<string>();
  #status = $state.raw<Status>({ state: "connecting" });
  #retryAt = $state.raw<number | null>(null);
  #stops: (() => void)[] = [];
  #catching: ReturnType<typeof setTimeout> | undefined;

  #expiresAt: number | null = null;
  /** What changed while this page was away is still being told. */
  #isCatchingUp = $state(false);

  link = $derived.by((): Link => {
    const link = linkOf(this.#status, this.#retryAt, clock.now);
    if (link.kind !== "live") return link;
    if (clock.hasSlept) return { kind: "waiting", name: "waking", words: "This page has slept: looking whether the server is still there" };
    return this.#isCatchingUp ? { kind: "waiting", name: "catching up", words: "Connected again: reading what has changed" } : link;
  });
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
      client.age.subscribe((age) => {
        this.ageMs = age;
        clock.hasSlept = false; // the client has looked, and has told how it stands before this
      }),
      client.identity.subscribe((identity) => {
        if (identity === null) return; // what was may be shown until it is known who comes back
        this.role = identity.role;
        this.commandsOnly = identity.commands ?? null;
        this.#expiresAt = moment(identity.expiresAt);
        this.notices.end("expiring");
      }),
      client.on("connection", ({ data }) => {
        if (data.role === undefined) return; // it is told after `auth`; after a ticket nobody asks
        this.role = data.role;
        this.commandsOnly = data.commands ?? null;
      }),
      client.on("error", (message) => this.#takeError(message.data.code)),
      client.on("snapshot_end", () => this.#caughtUpIn(ROWS_MS)),
      this.experts.follow(client.state("ea_updates")),
      this.portfolio.follow(client.state("portfolio_updates")),
      this.prices.follow(client.state("price_updates", { maxHz: 2 })),
    ];
    void this.#hear(client, "alerts", this.alerts, (row, seq, utc) => wholeAlert(this.#read(row, ALERT, "an alert"), seq, utc));
    void this.#hear(client, "command_updates", this.commands, (row, seq, utc) =>
      this.steps.hear(wholeCommand(this.#read(row, COMMAND, "a command"), seq, utc, (id) => this.steps.firstOf(id))),
    );
    void this.#hear(client, "trade_updates", this.deals, (row) => this.#read(row, DEAL, "a deal"));
    void this.#hear(client, "news_updates", this.news, (row) => wholeNews(this.#read(row, NEWS, "the calendar")));
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
    this.role = this.commandsOnly = this.#expiresAt = null;
    this.#isCatchingUp = false;
    clearTimeout(this.#catching);
    for (const rows of [this.experts, this.portfolio, this.prices]) rows.clear();
    for (const events of [this.alerts, this.commands, this.deals, this.news]) events.clear();
    this.steps.clear();
    this.notices.clear();
    this.#missing.clear();
  }

  async #hear<R>(client: Fleetwire, channel: Events, into: Latest<R>, whole: (row: R, seq: number, utc: string) => R): Promise<void> {
    for await (const message of client.events(channel, { history: HISTORY })) {
      if (this.client !== client) return;
      if (message.type === "gap") {
        this.#takeGap(channel, client.serverNow());
        if (channel === "alerts") this.#readAlerts(true);
        continue;
      }
      into.put(whole(message.data as R, message.seq, message.timestamp));
    }
  }

  #takeGap(channel: Events, at: number): void {
    this.missed += 1;
    if (this.notices.of("missed") === undefined) this.#missing.clear();
    this.#missing.add(NAMES[channel]);
    const again = session.token === null ? "" : " Lists have been read from the server again.";
    this.notices.say("missed", `This page was not told of some ${[...this.#missing].join(", ")}: it was away, or behind, for too long.${again}`, at);
  }

  #takeError(code: string): void {
    const at = this.client?.serverNow() ?? null;
    if (code === "malformed_message") this.notices.say("unreadable", "The server sent something that this page can't read. The page has connected anew, and is told everything again.", at);
    if (code === "token_expiring") this.notices.say("expiring", "This token expires within a minute: then the page asks for another one.", at);
  }

  /** Take a row for what it should be, and say what is not: it is shown as missing, and never guessed. */
  #read<R>(row: R, form: Parameters<typeof shaped>[1], whose: string): R {
    const wrong = new Set<string>();
    const read = shaped(row, form, (name) => wrong.add(name));
    if (wrong.size > 0) {
      const more = wrong.size > WRONG_MAX ? ` and ${wrong.size - WRONG_MAX} more` : "";
      const words = `Of ${whose} this can't be read and is left out: ${[...wrong].slice(0, WRONG_MAX).join(", ")}${more}.`;
      this.notices.say("wrong", words, this.client?.serverNow() ?? null);
    }
    return read;
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

  /** Rows that have been told are drawn within so many ms. */
  #caughtUpIn(ms: number): void {
    clearTimeout(this.#catching);
    if (this.#isCatchingUp) this.#catching = setTimeout(() => (this.#isCatchingUp = false), ms);
  }

  #take(status: Status): void {
    if (status.state === "live" && this.#status.state !== "live" && session.token !== null) this.#readAlerts(false);
    if (status.state === "offline" || status.state === "stale") this.#isCatchingUp = this.experts.rows.size > 0; // else there is nothing old
    if (status.state === "live" && this.#status.state !== "live") this.#caughtUpIn(TOLD_MS);
    this.#status = status;
    this.#retryAt = status.state === "offline" ? clock.now + status.retryInMs : null;
    if (status.state !== "refused" || !ASK_AGAIN.has(status.code)) return;
    // The server gives one answer for all tokens that it does not take; when this one ends, the page has been told.
    const isOver = this.#expiresAt !== null && this.client !== null && this.#expiresAt < this.client.serverNow() + CLOCK_MS;
    const words = session.token === null ? "The ticket was good once: give the token to come back" : isOver ? whyRefused(4201, "") : this.link.words;
    this.stop();
    session.leave(words);
  }
}

export const live = new Live();
