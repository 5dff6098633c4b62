import type { Fault } from './fault.ts'
import { killsOf } from './fault-kill.ts'
import { leavesOf } from './fault-run.ts'
import { faultTable } from './fault-table.ts'

/** What the report says of one fault. */
export interface FaultRow {
  readonly does: string
  /** The words that a person is told; empty where there are none. */
  readonly says: string
  /** How often it was met, and how often by a fetch that was killed. */
  readonly runs: string
}

const intro = `# What a fetch does where the server, or the line, is at fault

Written by \`npm run faults -- --write\`, which runs every row; \`npm test\` runs them too, and holds this page to what came out. The server is
one that breaks the rules on purpose (\`test/faults/\`); it shares no code with Postino. Each row was met, in every way that it can happen, with mail
that stays there for ever, with mail that is deleted once it is home, and with mail that stays seven days; and by a fetch that was killed
(\`kill -9\`) at random moments. After each of these runs, all of this was true:

- Nothing is lost, and nothing is here twice: what is kept is what the server ever had, octet for octet.
- By the server's own diary, no message was deleted, or only marked by DELE, that was not durable here; nor was QUIT said before all that had
  come was.
- The fetch ended by itself, within its time-outs, in little memory (less than 256 MiB for the whole process; half a gigabyte for 100,000 messages).
- What it said tells what was wrong, with no secret and no control characters in it. (Where the table says 60 s, the tests wait less.)
- The next fetch from the server in order brought everything that was left, deleted what was to be deleted, and the one after it found nothing new.

In the last column: runs, and runs that were killed.
`

/** The page. */
export function reportText(rowOf: (fault: Fault) => FaultRow): string {
  const sections = faultTable.map(({ title, faults }) => {
    const rows = faults.map((fault) => {
      const { does, says, runs } = rowOf(fault)
      return `| ${[fault.name, does, says === '' ? '–' : says, `✓ ${runs}`].map(cell).join(' | ')} |`
    })
    return [`## ${title}`, '', '| the server… | Postino… | it says | |', '|---|---|---|---|', ...rows].join('\n')
  })
  return `${[intro, ...sections].join('\n\n').replaceAll('\n\n\n', '\n\n')}\n`
}

/** The rows of a page, by the name of the fault. */
export function readReport(text: string): Map<string, FaultRow> {
  const rows = new Map<string, FaultRow>()
  for (const line of text.split('\n')) {
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((one) => one.trim().replaceAll('\\|', '|'))
    const [name = '', does = '', says = '', runs = ''] = cells
    if (cells.length === 4 && runs.startsWith('✓'))
      rows.set(name, { does, says: says === '–' ? '' : says, runs: runs.slice(2) })
  }
  return rows
}

/** What is told, as it is told of a server that is not on this machine, with the usual time-outs. */
export function shown(line: string): string {
  return line
    .replaceAll(/(?:127\.0\.0\.1|localhost):\d+/g, 'pop.example.it:110')
    .replaceAll('localhost', 'pop.example.it')
    .replaceAll(/\b(?:1|2\.5|30) s\b/g, '60 s')
    .replaceAll(/[0-9a-f]{64}/g, '01ab…')
    .replaceAll(/\d{4}-\d\d-\d\d/g, '2026-…')
}

/** How often a fault is met: so many ways, with so much that may stay there; and how often a fetch is killed. */
export function runsOf(fault: Fault): string {
  return fault.took === undefined ? `${fault.ways().length * leavesOf(fault).length} + ${killsOf(fault)}` : '1 + 1'
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
