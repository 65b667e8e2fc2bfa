/** Which subscriptions a connection needs, as few questions as possible. */

import type { Channel } from "./channel.js";
import type { Json } from "./envelope.js";

export interface Question {
  type: "subscribe" | "unsubscribe";
  data: Json & { channels: string[] };
  /** Which topics of which channels it is about. */
  topics: Map<Channel, string[]>;
  /** The channels that go on where they were lost, and from where. */
  since: Map<Channel, number>;
  /** The channels that begin with messages of the past. */
  history: number;
}

/** Say what has to be asked so that what is heard is what is wanted, and note it as asked. */
export function questions(channels: Iterable<Channel>): Question[] {
  const asking = new Map<string, Question>();
  const leaving = question("unsubscribe");
  for (const channel of channels) {
    const topics = channel.topics.filter((topic) => !channel.refused.has(topic));
    const surplus = [...channel.asked].filter((topic) => !topics.includes(topic));
    if (surplus.length) add(leaving, channel, surplus);
    for (const topic of surplus) channel.asked.delete(topic);
    const isRepaced = channel.asked.size > 0 && channel.askedHz !== channel.want?.maxHz;
    const anew = isRepaced || channel.historyDue > 0;
    const due = anew ? topics : topics.filter((topic) => !channel.asked.has(topic));
    if (!due.length) continue;
    const resumes = channel.canResume && channel.asked.size === 0;
    const history = resumes ? 0 : channel.historyDue;
    const epoch = resumes ? channel.epoch! : "";
    const group = `${history} ${epoch}`;
    const asked = asking.get(group) ?? question("subscribe", history);
    asking.set(group, asked);
    add(asked, channel, due);
    if (resumes) asked.since.set(channel, channel.last!);
    else channel.askHistory();
  }
  for (const asked of asking.values()) complete(asked);
  // What is left first: a row that is heard under two topics would be patched twice.
  return [...(leaving.topics.size ? [leaving] : []), ...asking.values()];
}

function question(type: Question["type"], history = 0): Question {
  return { type, data: { channels: [] }, topics: new Map(), since: new Map(), history };
}

function add(asked: Question, channel: Channel, topics: string[]): void {
  asked.topics.set(channel, topics);
  asked.data.channels.push(...topics);
}

function complete(asked: Question): void {
  const { data } = asked;
  const rates: Record<string, number> = {};
  data.snapshot = true; // said in words, so that the server says where it ends
  if (asked.history) data.history = asked.history;
  for (const [channel, topics] of asked.topics) {
    for (const topic of topics) channel.asked.add(topic);
    channel.askedHz = channel.want?.maxHz;
    if (channel.askedHz) rates[channel.name] = channel.askedHz;
  }
  if (Object.keys(rates).length) data.max_hz = rates;
  const positions: Record<string, number> = {};
  for (const [channel, position] of asked.since) {
    positions[channel.name] = position;
    data.since = { epoch: channel.epoch, positions };
  }
}
