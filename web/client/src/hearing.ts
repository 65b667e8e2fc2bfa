/** What the messages of channels mean: rows that change, events that are new, losses, snapshots that end. */

import type { Channel, ChannelName, Want } from "./channel.js";
import { type Envelope, type Json, fields, isObject, malformed, names } from "./envelope.js";
import { FleetwireError } from "./errors.js";
import type { Output } from "./output.js";
import { channelOf, keyOf } from "./rows.js";
import type { Question } from "./subscribing.js";

export class Hearing {
  constructor(
    private readonly channels: ReadonlyMap<ChannelName, Channel>,
    private readonly put: (output: Output) => void,
  ) {}

  /** A channel has to be asked for anew. */
  get isDistrustful(): boolean {
    return [...this.channels.values()].some((channel) => channel.isDistrusted && channel.asked.size === 0);
  }

  want(channel: Channel, want: Want | null): void {
    if (!channel.isEvent && want?.whole !== channel.want?.whole) channel.last = null; // not all of it was heard until there
    channel.want = want;
    channel.refused.clear(); // who comes now is told as well
    if (!want) channel.forget();
    this.#drop(channel, channel.rows.drop((key) => !channel.hears(key)));
  }

  /** The connection is lost. */
  lost(): void {
    // A loss of another epoch is told now or never; any other one is told by the next connection, which asks from the same place.
    this.#pay((channel) => channel.owed?.epoch !== undefined);
    for (const channel of this.channels.values()) {
      const wasComplete = channel.isComplete;
      channel.lost();
      if (wasComplete) this.put({ do: "complete", channel: channel.name, isComplete: false });
    }
  }

  /** Ask for everything anew: somebody else hears from now on. */
  renewAll(): void {
    for (const channel of this.channels.values()) {
      channel.asked.clear();
      channel.refused.clear();
      if (!channel.isEvent) channel.last = null;
    }
  }

  /** Take a message; tells whether it was one of a channel, or about one, and is dealt with. */
  hear(message: Envelope): boolean {
    if (message.type === "snapshot_end") this.#ended(names(fields(message.data).channels));
    else if (message.type === "gap") return this.#gap(message);
    else if (message.type === "heartbeat_response") this.#pay(() => true); // a later answer: no word of a loss will come any more
    const channel = this.channels.get(message.channel as ChannelName);
    if (!channel) return false;
    if (!message.patch && !isObject(message.data)) throw malformed(`${message.type}: data is no object`);
    if (!channel.hears(message.key) || channel.isDistrusted) return true;
    if (channel.isEvent) {
      this.#pay((one) => one === channel);
      channel.heard(message.position);
      this.put({ do: "message", message });
    } else this.#row(channel, message);
    return true;
  }

  #row(channel: Channel, message: Envelope): void {
    const { key } = message;
    if (key === undefined) return;
    const row = channel.rows.take(key, message);
    if (row === undefined) {
      // A patch of a row that is not held: the whole channel is asked for anew, and silent until then.
      channel.isDistrusted = true;
      channel.last = null;
      channel.asked.clear();
      this.#complete(channel, false);
      return;
    }
    channel.heard(message.position);
    this.put({ do: "row", channel: channel.name, key, row });
    const { patch: _, base: __, ...whole } = message;
    this.put({ do: "message", message: row ? { ...whole, data: row.data } : whole });
  }

  /** A loss: events can't be asked for again, rows are about to be told anew. */
  #gap(message: Envelope): boolean {
    const data = fields(message.data);
    const channel = this.channels.get(data.channel as ChannelName);
    if (!channel?.want) return true;
    if (channel.isEvent) {
      channel.owed = null;
      if (typeof data.until === "number" && data.epoch === channel.epoch) channel.heard(data.until);
    } else {
      for (const topic of channel.asked) channel.rows.begin(topic);
      channel.last = null;
      this.#complete(channel, false);
    }
    this.put({ do: "message", message });
    return true;
  }

  #ended(topics: string[]): void {
    for (const topic of topics) {
      const channel = this.channels.get(channelOf(topic) as ChannelName);
      if (!channel?.asked.has(topic)) continue;
      this.#pay((one) => one === channel);
      if (!channel.isEvent) this.#drop(channel, channel.rows.end(topic));
      if (channel.isEvent || channel.rows.isComplete) channel.endPast();
      if (!channel.isEvent) this.#complete(channel, channel.rows.isComplete);
    }
  }

  /** Learn from the answer to a question about subscriptions. */
  answered(question: Question, data: Json): void {
    if (question.type === "unsubscribe") return;
    const epoch = String(data.epoch);
    const position = typeof data.position === "number" ? data.position : 0;
    const refused = refusals(data.rejected);
    for (const [channel, topics] of question.topics) {
      const taken = topics.filter((topic) => !refused.has(topic));
      if (channel.want && taken.length) this.#begun(channel, taken, question, { epoch, position, recovered: fields(data.recovered) });
      for (const topic of topics) this.#refused(channel, topic, refused.get(topic));
    }
  }

  #refused(channel: Channel, topic: string, error: FleetwireError | undefined): void {
    if (!error) return;
    channel.refused.set(topic, error);
    channel.asked.delete(topic);
    const key = keyOf(topic);
    this.#drop(channel, channel.rows.drop((one) => key === null || one === key));
    this.put({ do: "refused", channel: channel.name, error });
  }

  #begun(channel: Channel, topics: string[], question: Question, at: { epoch: string; position: number; recovered: Json }): void {
    const since = question.since.get(channel);
    const isNewEpoch = channel.epoch !== null && channel.epoch !== at.epoch;
    const isRecovered = since !== undefined && at.recovered[channel.name] === true && !isNewEpoch && since <= at.position;
    channel.isDistrusted = false;
    if (!channel.isEvent) {
      if (isRecovered) this.#complete(channel, true);
      else {
        for (const topic of topics) channel.rows.begin(topic);
        channel.last = null;
        channel.pastUntil = at.position;
        this.#complete(channel, false);
      }
    } else {
      if (since !== undefined && !isRecovered) channel.owed = loss(channel, since, at, isNewEpoch);
      if (isNewEpoch) channel.last = 0; // all that is kept there is new to us
      if (question.history) channel.pastUntil = at.position;
      else if (since === undefined) channel.heard(at.position);
      this.put({ do: "begun", channel: channel.name, position: at.position, history: question.history > 0, isNewEpoch });
    }
    channel.epoch = at.epoch;
  }

  /** Tell of losses that the server had to tell of, and did not. */
  #pay(chosen: (channel: Channel) => boolean): void {
    for (const channel of this.channels.values()) {
      if (!channel.owed || !chosen(channel)) continue;
      const message = { type: "gap", data: channel.owed };
      channel.owed = null;
      this.put({ do: "message", message });
    }
  }

  #drop(channel: Channel, keys: string[]): void {
    for (const key of keys) this.put({ do: "row", channel: channel.name, key, row: null });
  }

  #complete(channel: Channel, isComplete: boolean): void {
    if (channel.isComplete === isComplete) return;
    channel.isComplete = isComplete;
    this.put({ do: "complete", channel: channel.name, isComplete });
  }
}

function loss(channel: Channel, since: number, at: { epoch: string; position: number }, isNewEpoch: boolean): Json {
  return { channel: channel.name, since, ...(isNewEpoch ? { epoch: channel.epoch } : { until: at.position }) };
}

function refusals(rejected: unknown): Map<string, FleetwireError> {
  const found = new Map<string, FleetwireError>();
  for (const one of Array.isArray(rejected) ? rejected.map(fields) : [])
    found.set(String(one.channel), new FleetwireError(String(one.code), String(one.message)));
  return found;
}
