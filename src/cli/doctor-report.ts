import { binding, broken, needsDestructive, type Finding, type Findings } from '../doctor/examine.ts'
import type { Target } from '../doctor/target.ts'
import { plural } from './amounts.ts'
import { hostAndPort } from './listen-address.ts'
import { singleLine, wrap } from './printable.ts'

const marks = { holds: '✓', fails: '✗', told: '·', untried: '–' } as const

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
    for (const finding of here) {
      const { rule, verdict } = finding
      const where = `${rule.section}${rule.level === 'must' ? '' : `, ${rule.level}`}`
      if (verdict.result === 'holds' && options.all) {
        const seen = verdict.seen === undefined ? '' : ` (${verdict.seen})`
        lines.push(...indented(`${markOf(finding)} ${rule.id} (${where}): ${rule.holds}${seen}`, 2))
      }
      if (verdict.result !== 'fails') continue
      lines.push(...indented(`${markOf(finding)} ${rule.id} (${where})`, 2))
      lines.push(...indented(rule.holds, 4), ...indented(`Here: ${verdict.seen}`, 4))
      lines.push(...indented(`For a client: ${rule.means}.`, 4))
    }
    for (const [why, ids] of reasons(here)) lines.push(...indented(`${marks.untried} ${ids.join(', ')}: ${why}`, 2))
  }
  const withheld = found.findings.filter(isWithheld).length
  if (withheld > 0)
    lines.push(
      '',
      `${plural(withheld, 'rule')} ${withheld === 1 ? 'needs' : 'need'} --destructive, which removes a message`,
    )
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
  const found = findings.map(markOf)
  return Object.values(marks)
    .filter((mark) => found.includes(mark))
    .map((mark) => `${mark} ${found.filter((one) => one === mark).length}`)
    .join('  ')
}

function markOf({ rule, verdict }: Finding): string {
  return verdict.result === 'fails' && !binding.includes(rule.level) ? marks.told : marks[verdict.result]
}

/** Untried only because `--destructive` was not given. */
function isWithheld({ verdict }: Finding): boolean {
  return verdict.result === 'untried' && verdict.why === needsDestructive
}

/** What could not be tried, by its reason; what needs `--destructive` is told once, at the end. */
function reasons(findings: readonly Finding[]): Map<string, string[]> {
  const all = new Map<string, string[]>()
  for (const finding of findings) {
    const { rule, verdict } = finding
    if (verdict.result === 'untried' && !isWithheld(finding))
      all.set(verdict.why, [...(all.get(verdict.why) ?? []), rule.id])
  }
  return all
}

function summary(found: Findings): string {
  const held = found.findings.filter(({ verdict }) => verdict.result === 'holds').length
  const untried = found.findings.filter(({ verdict }) => verdict.result === 'untried').length
  const wrong = broken(found).length
  const told = found.findings.length - held - untried - wrong
  const words = [
    `${plural(held, 'rule')} ${held === 1 ? 'holds' : 'hold'}`,
    wrong === 0 ? 'none is broken' : `${wrong} ${wrong === 1 ? 'does' : 'do'} not`,
  ]
  if (told > 0) words.push(`${told} worth knowing (·)`)
  if (untried > 0) words.push(`${untried} could not be tried`)
  return `${words.join(', ')}; ${found.seconds.toFixed(1)} s`
}
