// Writes the table of rules into docs/doctor.md, from the rules themselves.
import { readFileSync, writeFileSync } from 'node:fs'
import { families } from '../src/doctor/rules/index.ts'

/** One table a family: id, section, level, and what must hold. */
export function rulesTable(): string {
  return families
    .map(({ title, rules }) => {
      const rows = rules.map(({ id, section, level, destructive, holds }) => {
        const words = [level, ...(destructive ? ['destructive'] : [])].join(', ')
        return `| \`${id}\` | ${section} | ${words} | ${holds.replaceAll('|', '\\|').replaceAll('*', '\\*')} |`
      })
      return [`### ${title}`, '', '| id | section | level | what must hold |', '|---|---|---|---|', ...rows].join('\n')
    })
    .join('\n\n')
}

if (import.meta.main) {
  const file = new URL('../docs/doctor.md', import.meta.url)
  const text = readFileSync(file, 'utf8')
  const heading = '## The rules\n\n'
  writeFileSync(file, `${text.slice(0, text.indexOf(heading) + heading.length)}${rulesTable()}\n`)
}
