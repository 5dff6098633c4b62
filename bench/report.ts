import type { Bar, Section, Table, Work } from './harness.ts'

/** A table as Markdown, its columns aligned so that it reads well as plain text too. */
export function markdownTable(table: Table): string {
  const widths = table.head.map((head, column) =>
    Math.max(3, head.length, ...table.rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width, column > 0)).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column > 0 ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`
  return [line(table.head), rule, ...table.rows.map(line)].join('\n')
}

function pad(text: string, width: number, right: boolean): string {
  return right ? text.padStart(width) : text.padEnd(width)
}

export function barTable(bars: readonly Bar[]): Table {
  return {
    head: ['work', 'bar', 'reached', 'met'],
    rows: bars.map((bar) => [bar.what, bar.want, bar.got, bar.met ? 'yes' : '**no**']),
  }
}

/** One work's part of the report. */
export function sectionText(work: Work, section: Section): string {
  const parts = [
    `## ${work.title}`,
    ...section.tables.map(markdownTable),
    section.notes.map((note) => `- ${note}`).join('\n'),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** What came out of a work, and what it was made on: a line each. */
export interface Measured {
  readonly machine: readonly string[]
  readonly section: Section
}

/** The whole of bench/results.md. */
export function resultsText(all: readonly { readonly work: Work; readonly measured: Measured }[]): string {
  const runs = Map.groupBy(all, ({ measured }) => measured.machine.join('\n'))
  const bars = all.flatMap(({ measured }) => measured.section.bars)
  const parts = [
    '# Benchmark results',
    'Written by `npm run bench`; what each work is and how the peers are set up: [docs/benchmarks.md](../docs/benchmarks.md).',
    ...[...runs.values()].map((those) => runText(those, runs.size > 1)),
    `To reproduce, on Debian as root (the peers that are missing are installed): \`npm ci && npm run bench\`; one work alone:
\`npm run bench -- --only NAME\`. Contenders run in turn, A B A B …; no run is dropped; every run must have moved every message,
or there is no result. Ratios hold within one run only.`,
    ...(bars.length === 0 ? [] : [`## Bars\n\n${markdownTable(barTable(bars))}`]),
    ...all.map(({ work, measured }) => sectionText(work, measured.section)),
  ]
  return `${parts.join('\n\n')}\n`
}

/** What works were measured on in one run; which, where there was more than one. */
function runText(those: readonly { readonly work: Work; readonly measured: Measured }[], several: boolean): string {
  const lines = those[0]?.measured.machine ?? []
  const names = those.map(({ work }) => `\`${work.name}\``).join(', ')
  return [...lines, ...(several ? [`Works of this run: ${names}`] : [])].map((line) => `- ${line}`).join('\n')
}
