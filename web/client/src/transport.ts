/** The door to the network: one function that opens a socket. Tests have another one. */

export interface Transport {
  send(text: string): void;
  close(): void;
}

/** What a transport tells. After `closed` it tells nothing more; `code` is null where the other side gave none. */
export interface TransportEvents {
  opened(subprotocol: string): void;
  received(text: string): void;
  closed(code: number | null, reason: string): void;
}

export type TransportFactory = (url: string, subprotocols: string[], events: TransportEvents) => Transport;

/** As much of the browser's WebSocket as is used. */
interface Socket {
  readonly protocol: string;
  binaryType: string;
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(text: string): void;
  close(): void;
}

export type WebSocketClass = new (url: string, protocols?: string[]) => Socket;

const NO_CODES = [1005, 1006]; // what a socket says where the other side said nothing (RFC 6455, section 7.4.1)

/** Make a transport of a WebSocket class: the browser's own, that of Node 22 and later, or the package `ws`. */
export function webSocketTransport(socketClass: WebSocketClass): TransportFactory {
  return (url, subprotocols, events) => {
    const socket = new socketClass(url, subprotocols);
    socket.binaryType = "arraybuffer";
    let isOpen = false;
    socket.onopen = () => {
      isOpen = true;
      events.opened(socket.protocol);
    };
    socket.onmessage = (event: { data: unknown }) => events.received(String(event.data));
    let isClosed = false;
    const closed = (code: number | null, reason: string): void => {
      if (!isClosed) events.closed(code, reason);
      isClosed = true;
    };
    // `close` follows, and may say why; but Node's WebSocket says nothing more where it was never open.
    socket.onerror = () => void (isOpen || closed(null, ""));
    socket.onclose = (event: { code: number; reason: string }) => closed(NO_CODES.includes(event.code) ? null : event.code, event.reason);
    return { send: (text) => socket.send(text), close: () => socket.close() };
  };
}
