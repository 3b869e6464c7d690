// The background part: the node runs it whether a dashboard is open or not, as long as the person allows it.
// hedgerow.wit, beside this file, says what it can call. Names are in camel case, 64-bit numbers are BigInt, errors are thrown.
import { updates } from "hedgerow:widget/app@0.1.0";
import { keep, kept, log, tellPage } from "hedgerow:widget/host@0.1.0";

// Memory is gone after a restart; what is kept is not.
function read() {
  const bytes = kept("state");
  return bytes ? JSON.parse(new TextDecoder().decode(bytes)) : { serial: 0, counted: 0 };
}

// Events may be missed while it is away. Updates have serials, so what came meanwhile can be read.
function catchUp(state) {
  for (;;) {
    const page = updates(BigInt(state.serial));
    state.counted += page.updates.length;
    if (page.updates.length === 0) return;
    state.serial = Number(page.updates.at(-1).serial);
  }
}

export const guest = {
  handle(event) {
    const state = read();
    switch (event.tag) {
      case "start":
      case "app-update":
        catchUp(state);
        keep("state", new TextEncoder().encode(JSON.stringify(state)));
        log(`${state.counted} entries so far`);
        break;
      case "page-message":
        break;
      default:
        return;
    }
    tellPage(JSON.stringify({ counted: state.counted }));
  },
};
