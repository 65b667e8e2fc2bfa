// What a user would write first with Node's `ws`. Prints its port; ends with its standard input.
const { WebSocketServer } = require("ws");

const subscribed = new Set();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(server.address().port));
server.on("connection", (socket) => {
  socket.on("close", () => subscribed.delete(socket));
  socket.on("error", () => subscribed.delete(socket));
  socket.on("message", (data) => {
    if (data.subarray(0, 12).toString() === '{"type":"sub') subscribed.add(socket);
    else for (const other of subscribed) other.send(data, { binary: false });
  });
});
process.stdin.on("end", () => process.exit(0)).resume();
