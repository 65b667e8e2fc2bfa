/** Asks the HTTP API, which has what no channel tells: curves, trades, accounts with their limits. */

import { session } from "./session.svelte";

/** A refusal of the API, in words (RFC 9457), or that it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export interface Page<T> {
  items: T[];
  total?: number;
  next?: string;
}

type Asked = Record<string, string | number | null | undefined>;

/** Below which the server is reached: the folder of the page; while it is worked on, the server of `make demo`. */
export function base(): URL {
  return import.meta.env.DEV ? new URL("http://127.0.0.1:8765/") : new URL(".", location.href.replace(/[?#].*$/, ""));
}

async function call<T>(method: string, path: string, asked: Asked, body: unknown, signal?: AbortSignal): Promise<T> {
  if (session.token === null) throw new ApiError("not_authenticated", 401, "this needs the token");
  const url = new URL(`api/v1/${path}`, base());
  for (const [name, value] of Object.entries(asked)) if (value != null && value !== "") url.searchParams.set(name, String(value));
  const headers: Record<string, string> = { Authorization: `Bearer ${session.token}` };
  const request: RequestInit = { method, headers, cache: "no-store", credentials: "omit" };
  if (signal) request.signal = signal;
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(url, request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("unreachable", 0, "the server could not be reached");
  }
  const said: unknown = await answer.json().catch(() => null);
  if (answer.ok && said !== null) return said as T;
  const problem = (said ?? {}) as { code?: string; detail?: string };
  throw new ApiError(problem.code ?? "unreadable", answer.status, problem.detail ?? `the server answered ${answer.status}`);
}

export const api = {
  get: <T>(path: string, asked: Asked = {}, signal?: AbortSignal): Promise<T> => call<T>("GET", path, asked, undefined, signal),
  post: <T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> => call<T>("POST", path, {}, body, signal),
};
