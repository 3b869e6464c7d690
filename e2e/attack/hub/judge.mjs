// What one attack was worth: carried out here and where nothing protects, and once more when that proved nothing.

/** What came of an attack, for the report: `got` is whether the attacker got what they wanted, `slow` whether merely by making others wait. */
function result(test, here, leaked, failed) {
  return {
    id: test.id, name: test.name, tier: "any", ran: here !== null && (here.ran ?? true), blocked: here !== null && !here.got, control_leaked: leaked,
    ...(here?.evidence === undefined ? {} : { evidence: here.evidence }), ...(here?.got && here.slow ? { slow: true } : {}), ...(failed ? { failed } : {}),
  };
}

/**
 * Carries out `attack` and `control` of a test; each answers `{ got, ran, evidence, slow }`. A busy machine is no verdict: what did not
 * run and a control that did not leak are tried once more. What got through is never tried again.
 */
export async function judged(test, attack, control) {
  const first = await once(test, attack, control);
  if ((first.ran && first.blocked && first.control_leaked) || first.through) return shown(first);
  const second = await once(test, attack, control);
  return { ...shown(second), again: first.failed ?? `${first.ran ? "" : "did not run, "}${first.control_leaked ? "" : "no leak, "}${first.evidence ?? ""}`.slice(0, 300) };
}

async function once(test, attack, control) {
  let here = null;
  try {
    here = await attack();
    return { ...result(test, here, !!(await control()).got), through: !!here.got };
  } catch (error) {
    return { ...result(test, here, false, String(error?.stack ?? error).slice(0, 400)), through: !!here?.got };
  }
}

function shown({ through, ...rest }) {
  void through;
  return rest;
}
