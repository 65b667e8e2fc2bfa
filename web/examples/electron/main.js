// The main process: it alone knows where the token is, and hands it to one page, when that asks.

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { BrowserWindow, Notification, app, ipcMain } from "electron";

const here = import.meta.dirname;

/** Of the environment, or of the file that `fleetwire demo` and `fleetwire serve` keep it in. */
async function token() {
  const folder = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
  return process.env.FLEETWIRE_TOKEN ?? (await readFile(join(folder, "fleetwire", "token"), "utf-8")).trim();
}

/** Whether a call comes from our own page, and from no frame in it. */
function isOurs(event) {
  return event.senderFrame?.parent === null && event.senderFrame.url.startsWith("file://");
}

ipcMain.handle("token", (event) => (isOurs(event) ? token() : Promise.reject(new Error("not for this page"))));
ipcMain.on("notify", (event, title, body) => {
  if (isOurs(event)) new Notification({ title: String(title), body: String(body) }).show();
});

function open() {
  const window = new BrowserWindow({
    width: 900,
    height: 600,
    webPreferences: {
      preload: join(here, "preload.cjs"),
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: true,
      additionalArguments: [`--fleetwire-url=${process.env.FLEETWIRE_URL ?? "ws://127.0.0.1:8765"}`],
    },
  });
  // The page shows one thing, and goes nowhere.
  window.webContents.setWindowOpenHandler(() => ({ action: "deny" }));
  window.webContents.on("will-navigate", (event) => event.preventDefault());
  window.loadFile(join(here, "index.html"));
}

app.whenReady().then(open);
app.on("window-all-closed", () => app.quit());
