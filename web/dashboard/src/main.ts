import { mount } from "svelte";
import App from "./App.svelte";
import { theme } from "./lib/theme.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

theme.apply();
const target = document.getElementById("app");
if (target === null) throw new Error("the page has no place for the dashboard");
mount(App, { target });
void import("./lib/announce.svelte"); // whatever page is shown, and after what is seen
