/** For commander: an option that may be given several times. */
export function gather(one: string, before: string[] | undefined): string[] {
  return [...(before ?? []), one]
}
