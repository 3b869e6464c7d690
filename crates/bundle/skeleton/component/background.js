// The page's side of the background part (src): it counts the entries whether this page is open or not.
// Programs that run webxdc apps without background parts have no `hedgerow`; the guest book works there all the same.
const background = window.hedgerow?.background;
const line = document.createElement("p");
line.setAttribute("role", "status");

async function ask() {
  try {
    const { running } = await background.status();
    if (running) return void (await background.tell("how many?"));
    line.textContent = "The background part is being made ready…";
    setTimeout(ask, 2000);
  } catch (error) {
    const denied = error?.code === "denied" || error?.code === "needs_grant";
    line.textContent = denied
      ? "Nothing is counted while this page is closed: allow it under “Permissions and activity” in the menu."
      : `The background part does not answer: ${error?.message ?? error}`;
  }
}

if (background) {
  document.querySelector("header").append(line);
  background.onmessage = ({ counted }) => {
    line.textContent = counted === 1 ? "1 was counted in the background." : `${counted} were counted in the background.`;
  };
  ask();
}
