// The bridge: as little as the page needs. It never sees Node, and the token is in no URL, no global and no storage.

const { contextBridge, ipcRenderer } = require("electron");

const flag = "--fleetwire-url=";
const url = process.argv.find((argument) => argument.startsWith(flag)).slice(flag.length);

contextBridge.exposeInMainWorld("bridge", {
  url,
  token: () => ipcRenderer.invoke("token"),
  notify: (title, body) => ipcRenderer.send("notify", title, body),
});
