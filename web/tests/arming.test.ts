import { describe, expect, test } from "vitest";
import { Arming, ARMING } from "../src/lib/arming";

/** Shown at 0 to a focused window in which nothing is pressed. */
const shown = () => { const arming = new Arming(); arming.seen(true, 0); return arming; };

describe("the buttons of a question", () => {
  test("take nothing before they were seen for long enough", () => {
    const arming = shown();
    expect(arming.armed(ARMING.seen - 1)).toBe(false);
    arming.down("always", true, ARMING.seen - 1);
    expect(arming.click("always", true, true, ARMING.seen + 5)).toBe(false);
    arming.down("always", true, ARMING.seen + 10);
    expect(arming.click("always", true, true, ARMING.seen + 80)).toBe(true);
  });
  test("are not armed while somebody presses or types: a double-click, a game", () => {
    const arming = shown();
    for (let at = 0; at <= 3_000; at += 200) { arming.activity(at); expect(arming.armed(at)).toBe(false); }
    expect(arming.armed(3_000 + ARMING.quiet - 1)).toBe(false);
    expect(arming.armed(3_000 + ARMING.quiet)).toBe(true);
    arming.activity(3_400); // The press that is meant for them.
    arming.down("once", true, 3_400);
    expect(arming.click("once", true, true, 3_450)).toBe(true);
  });
  test("take a press only where it began", () => {
    const arming = shown();
    arming.down("not_now", true, 700);
    expect(arming.click("always", true, true, 720)).toBe(false);
    expect(arming.click("always", true, true, 730)).toBe(false);
  });
  test("take nothing that a program made", () => {
    const arming = shown();
    arming.down("always", false, 700);
    expect(arming.click("always", true, true, 720)).toBe(false);
    arming.down("always", true, 800);
    expect(arming.click("always", true, false, 820)).toBe(false);
    expect(arming.key("always", "Enter", false, false, 900)).toBe(false);
  });
  test("begin anew when the window loses the focus, is hidden, or has another size", () => {
    const arming = shown();
    expect(arming.armed(700)).toBe(true);
    arming.seen(false, 710);
    expect(arming.armed(5_000)).toBe(false);
    arming.seen(true, 5_000);
    expect(arming.armed(5_000 + ARMING.seen - 1)).toBe(false);
    expect(arming.armed(5_000 + ARMING.seen)).toBe(true);
    arming.down("always", true, 5_700);
    arming.moved(5_710);
    expect(arming.click("always", true, true, 5_720)).toBe(false);
    expect(arming.armed(5_710 + ARMING.seen)).toBe(true);
  });
  test("a key that is held presses nothing, one that is pressed anew does", () => {
    const arming = shown();
    expect(arming.key("always", "Enter", true, true, 700)).toBe(false);
    expect(arming.key("always", "Enter", false, true, 710)).toBe(true);
    expect(arming.key("always", "Enter", false, true, 720)).toBe(false);
    expect(arming.click("always", false, true, 725)).toBe(true);
    arming.keyUp("Enter");
    expect(arming.key("once", "Enter", false, true, 730)).toBe(true);
  });
  test("a screen reader may press them without a pointer, when they are armed", () => {
    const arming = shown();
    expect(arming.click("once", false, true, 100)).toBe(false);
    expect(arming.click("once", false, true, 700)).toBe(true);
    expect(arming.click("once", true, true, 710)).toBe(false);
  });
});
