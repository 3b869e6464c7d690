# The background part: the node runs it whether a dashboard is open or not, as long as the person allows it.
# hedgerow.wit, beside this file, says what it can call; names are in snake case, errors are raised.
import json

from wit_world import exports
from wit_world.imports import app, host
from wit_world.imports.types import Event_AppUpdate, Event_PageMessage, Event_Start


def read() -> dict:
    """Memory is gone after a restart; what is kept is not."""
    kept = host.kept("state")
    return json.loads(kept) if kept else {"serial": 0, "counted": 0}


def catch_up(state: dict) -> None:
    """Events may be missed while it is away. Updates have serials, so what came meanwhile can be read."""
    while page := app.updates(state["serial"]).updates:
        state["counted"] += len(page)
        state["serial"] = page[-1].serial


class Guest(exports.Guest):
    def handle(self, event) -> None:
        state = read()
        match event:
            case Event_Start() | Event_AppUpdate():
                catch_up(state)
                host.keep("state", json.dumps(state).encode())
                host.log(f"{state['counted']} entries so far")
            case Event_PageMessage():
                pass
            case _:
                return
        host.tell_page(json.dumps({"counted": state["counted"]}))
