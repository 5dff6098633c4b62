import { broken, type Finding, type Findings } from '../doctor/examine.ts'
import type { Target } from '../doctor/target.ts'
import { hostAndPort } from './listen-address.ts'
import { singleLine, wrap } from './printable.ts'

const marks = { holds: '✓', fails: '✗', untried: '–' } as const

/** What was found, for a person: by family; what does not hold in full, what could not be tried by its reason. `all`: what holds, too. */
export function doctorLines(
  target: Target,
  found: Findings,
  options: { readonly all: boolean; readonly columns: number | undefined },
): string[] {
  const width = Math.min(options.columns ?? 120, 120)
  const indented = (text: string, indent: number): string[] =>
    wrap(singleLine(text), width - indent).map((line) => ' '.repeat(indent) + line)
  const lines = [headline(target, found)]
  for (const family of new Set(found.findings.map((finding) => finding.family))) {
    const here = found.findings.filter((finding) => finding.family === family)
    lines.push('', `${family.title}  ${tally(here)}`)
    for (const { rule, verdict } of here) {
      const where = `${rule.section}${rule.level === 'must' ? '' : `, ${rule.level}`}`
      if (verdict.result === 'holds' && options.all) {
        const seen = verdict.seen === undefined ? '' : ` (${verdict.seen})`
        lines.push(...indented(`${marks.holds} ${rule.id} (${where}): ${rule.holds}${seen}`, 2))
      }
      if (verdict.result !== 'fails') continue
      lines.push(...indented(`${rule.level === 'informative' ? '·' : marks.fails} ${rule.id} (${where})`, 2))
      lines.push(...indented(rule.holds, 4), ...indented(`Here: ${verdict.seen}`, 4))
      lines.push(...indented(`For a client: ${rule.means}.`, 4))
    }
    for (const [why, ids] of reasons(here)) lines.push(...indented(`${marks.untried} ${ids.join(', ')}: ${why}`, 2))
  }
  return [...lines, '', summary(found)]
}

/** The same for programs; docs/doctor.md describes it. */
export function doctorJson(target: Target, found: Findings, destructive: boolean): object {
  const { host, port, tls, credentials } = target
  const count = (result: Finding['verdict']['result']): number =>
    found.findings.filter(({ verdict }) => verdict.result === result).length
  return {
    server: {
      host,
      port,
      tls,
      ...(found.tls !== undefined && { version: found.tls }),
      greeting: found.greeting,
      ...(found.implementation !== undefined && { implementation: found.implementation }),
    },
    ...(credentials && { login: credentials.login }),
    destructive,
    passed: broken(found).length === 0,
    holds: count('holds'),
    fails: count('fails'),
    untried: count('untried'),
    seconds: Math.round(found.seconds * 1000) / 1000,
    rules: found.findings.map(({ family, rule, verdict }) => ({
      id: rule.id,
      family: family.name,
      section: rule.section,
      level: rule.level,
      destructive: rule.destructive === true,
      rule: rule.holds,
      ...verdict,
      ...(verdict.result === 'fails' && { means: rule.means }),
    })),
  }
}

function headline({ host, port, credentials }: Target, { tls, implementation }: Findings): string {
  const words = [tls ?? 'without TLS', ...(implementation === undefined ? [] : [implementation])]
  const who = credentials === undefined ? '' : `${credentials.login} at `
  return singleLine(`${who}${hostAndPort(host, port)}, ${words.join(', ')}`)
}

function tally(findings: readonly Finding[]): string {
  const count = (result: keyof typeof marks): number =>
    findings.filter(({ verdict }) => verdict.result === result).length
  return (['holds', 'fails', 'untried'] as const)
    .filter((result) => count(result) > 0)
    .map((result) => `${marks[result]} ${count(result)}`)
    .join('  ')
}

/** What could not be tried, by its reason. */
function reasons(findings: readonly Finding[]): Map<string, string[]> {
  const all = new Map<string, string[]>()
  for (const { rule, verdict } of findings)
    if (verdict.result === 'untried') all.set(verdict.why, [...(all.get(verdict.why) ?? []), rule.id])
  return all
}

function summary(found: Findings): string {
  const held = found.findings.filter(({ verdict }) => verdict.result === 'holds').length
  const untried = found.findings.filter(({ verdict }) => verdict.result === 'untried').length
  const wrong = broken(found).length
  const told = found.findings.length - held - untried - wrong
  const words = [`${held} rules hold`, wrong === 0 ? 'none is broken' : `${wrong} do not`]
  if (told > 0) words.push(`${told} worth knowing (·)`)
  if (untried > 0) words.push(`${untried} could not be tried`)
  return `${words.join(', ')}; ${found.seconds.toFixed(1)} s`
}
