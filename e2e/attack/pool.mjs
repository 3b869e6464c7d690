/** Does `work` on all of a list, `count` at a time; answers in the order of the list, with how long each took. */
export async function pool(list, count, work) {
  const queue = [...list.entries()];
  const out = [];
  await Promise.all(Array.from({ length: count }, async (_, worker) => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const begin = performance.now();
      const done = await work(next[1], worker);
      out[next[0]] = { ...done, ms: Math.round(performance.now() - begin) };
    }
  }));
  return out;
}
