import { styleText } from 'node:util'

/** A line of the demo's own words. */
export function say(text = ''): void {
  console.log(text)
}

/** Words that say what the next command is about. */
export function explain(...lines: readonly string[]): void {
  say()
  for (const line of lines) say(line)
}

/** Shows a command as one would type it, broken where the terminal is too narrow. */
export function showCommand(text: string): void {
  const lines = ['$']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (`${line} ${word} \\`.length < (process.stdout.columns ?? Infinity)) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`    ${word}`)
  }
  say(styleText('bold', lines.join(' \\\n'), { stream: process.stdout }))
}

export function megabytes(octets: number): string {
  return `${(octets / 1e6).toFixed(1)} MB`
}
