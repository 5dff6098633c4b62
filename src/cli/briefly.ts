/** So many things that went wrong are named in one line. */
const most = 3

/** The first of them, and how many more there are: a line of a log is to be read. */
export function briefly(problems: readonly string[]): string[] {
  const more = problems.length - most
  return more <= 1 ? [...problems] : [...problems.slice(0, most), `and ${more} more`]
}
