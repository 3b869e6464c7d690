import "gridstack/dist/gridstack.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { mount } from "svelte";
import App from "./App.svelte";

const target = document.getElementById("app");
if (target) {
  const shell = target.querySelector(".shell");
  mount(App, { target });
  shell?.remove();
}
