/** Starts the page. */
import { render } from "preact";
import { App } from "./app.tsx";
import { askForGraphics, keepOffline } from "./environment.ts";
import { openChart } from "./picture/view.tsx";
import "./style/page.css";
import "./style/controls.css";
import "./style/picture.css";
import "./style/work.css";

render(<App />, document.getElementById("app") as HTMLElement);
void askForGraphics();
void keepOffline();
void openChart();
