/** npm is a process for each question: a few at a time are quicker than one, and leave the machine usable. */
const npmAtOnce = 3;

/** Results in the order of the items. */
export async function fewAtOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const queue = [...items.entries()];
  const next = async (): Promise<void> => {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift())
      results.set(entry[0], await work(entry[1]));
  };
  await Promise.all(Array.from({ length: npmAtOnce }, next));
  return items.flatMap((_, index) => {
    const result = results.get(index);
    return result === undefined ? [] : [result];
  });
}
