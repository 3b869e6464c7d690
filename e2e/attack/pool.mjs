/** Does `work` on all of a list, `count` at a time; answers in the order of the list. */
export async function pool(list, count, work) {
  const queue = [...list.entries()];
  const out = [];
  await Promise.all(Array.from({ length: count }, async (_, worker) => {
    for (let next = queue.shift(); next; next = queue.shift()) out[next[0]] = await work(next[1], worker);
  }));
  return out;
}
