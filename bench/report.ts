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

/** The whole of bench/results.md. */
export function resultsText(machine: readonly string[], done: readonly (readonly [Work, Section])[]): string {
  const bars = done.flatMap(([, section]) => section.bars)
  return `# Benchmark results

Written by \`npm run bench\`; what each work is and how the peers are set up: [docs/benchmarks.md](../docs/benchmarks.md).

${machine.map((line) => `- ${line}`).join('\n')}

To reproduce, on Debian as root (the peers that are missing are installed): \`npm ci && npm run bench\`; one work alone:
\`npm run bench -- --only NAME\`. Contenders run in turn, A B A B …; no run is dropped; every run must have moved every message,
or there is no result. Ratios hold within one run only.

${bars.length === 0 ? '' : `## Bars\n\n${markdownTable(barTable(bars))}\n\n`}${done.map(([work, section]) => sectionText(work, section)).join('\n\n')}
`
}
