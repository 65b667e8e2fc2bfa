/** The real server, as a process of its own: started, killed, and started again on the same port and database. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
export const TOKEN = "a-token-for-the-test";

/** A Python that has what fleetwire needs: of `FLEETWIRE_PYTHON`, of the repository, or of the system; null where there is none. */
export const python: string | null =
  [process.env.FLEETWIRE_PYTHON, join(ROOT, ".venv", "bin", "python"), "python3"].find(
    (one) => one && (one === "python3" || existsSync(one)) && spawnSync(one, ["-c", "import fleetwire.cli"], { cwd: ROOT }).status === 0,
  ) ?? null;

export class Server {
  readonly #folder = mkdtempSync(join(tmpdir(), "fleetwire-"));
  #process: ChildProcess | null = null;
  port = 0;

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  async start(): Promise<void> {
    const database = join(this.#folder, "fleet.db");
    const flags = ["serve", "--integrated", "--port", String(this.port), "--database", database];
    this.#process = spawn(python!, ["-m", "fleetwire", ...flags], {
      cwd: this.#folder,
      env: { ...process.env, PYTHONPATH: ROOT, XDG_CONFIG_HOME: this.#folder, WEBSOCKET_AUTH_TOKEN: TOKEN },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const child = this.#process;
    let errors = "";
    child.stderr!.on("data", (data) => (errors += data));
    const first = await new Promise<string>((resolve, reject) => {
      child.stdout!.once("data", (data) => resolve(String(data)));
      child.once("exit", () => reject(new Error(errors)));
    });
    child.stdout!.resume();
    this.port = Number(/127\.0\.0\.1:(\d+)/.exec(first)![1]);
  }

  /** End it without a word, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Report an expert's floating result, and a deal, as a terminal does. */
  async report(expert: number, profit: number, ticket: number): Promise<void> {
    const time_msc = Date.now();
    const position = { ticket: 1, time_msc, type: "buy", volume: 0.1, price_open: 1, price_current: 1, profit, symbol: "EURUSD" };
    const deal = { ticket, time_msc, type: "sell", entry: "out", volume: 0.1, price: 1, profit: 1, symbol: "EURUSD", magic: expert, position_id: ticket };
    const body = {
      account: { server: "Broker-Demo", login: 5, currency: "USD", balance: 1000, equity: 1000 + profit },
      experts: [{ expert: { magic: expert, symbol: "EURUSD", name: `EA ${expert}` }, ea_id: expert, positions: [position] }],
      deals: [deal],
    };
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/ea/report`, {
      method: "POST",
      headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }
}
