import { PeerError } from '../errors.ts'
import { Examination, type ExaminationOptions } from './examination.ts'
import { type Family, fails, type Level, type Rule, Untried, type Verdict } from './rule.ts'
import { families } from './rules/index.ts'

/** What became of one rule. */
export interface Finding {
  readonly family: Family
  readonly rule: Rule
  readonly verdict: Verdict
}

/** What an examination has found. */
export interface Findings {
  readonly findings: readonly Finding[]
  readonly greeting: string
  /** How the connections were secured, such as `TLSv1.3`; undefined: not at all. */
  readonly tls: string | undefined
  readonly implementation: string | undefined
  readonly seconds: number
}

export interface ExamineOptions extends ExaminationOptions {
  /** Try these rules only, by id. */
  readonly only?: ReadonlySet<string>
  /** Do not try these. */
  readonly except?: ReadonlySet<string>
  /** Told before each rule. */
  readonly onRule?: (rule: Rule, number: number, of: number) => void
}

/** Why a destructive rule is untried where that is not permitted. */
export const needsDestructive = 'only with --destructive'

/** Levels whose rules count: where one does not hold, the server does not pass. */
export const binding: readonly Level[] = ['must', 'should']

/** Examines a POP3 server rule by rule. Rejects with PeerError where it cannot even be reached. */
export async function examine(options: ExamineOptions): Promise<Findings> {
  const started = performance.now()
  const exam = new Examination(options)
  try {
    const { greeting, tls } = await firstLook(exam)
    const chosen = families.flatMap((family) =>
      family.rules
        .filter(({ id }) => options.only?.has(id) !== false && options.except?.has(id) !== true)
        .map((rule) => ({ family, rule })),
    )
    const findings: Finding[] = []
    for (const [index, { family, rule }] of chosen.entries()) {
      options.onRule?.(rule, index + 1, chosen.length)
      const verdict = discreet(await tried(exam, rule), options.target.credentials?.password)
      findings.push({ family, rule, verdict })
      // What was not answered as it should be may have left the session out of step.
      if (verdict.result === 'fails') exam.discard()
      exam.tidy()
    }
    const implementation = (await exam.capabilities()).all.get('IMPLEMENTATION')?.join(' ')
    return { findings, greeting, tls, implementation, seconds: (performance.now() - started) / 1000 }
  } finally {
    await exam.end()
  }
}

/** The rules that do not hold, among those that count. */
export function broken({ findings }: Findings): Finding[] {
  return findings.filter(({ rule, verdict }) => verdict.result === 'fails' && binding.includes(rule.level))
}

async function firstLook(exam: Examination): Promise<{ greeting: string; tls: string | undefined }> {
  try {
    const probe = await exam.connect()
    const look = { greeting: probe.greeting?.line ?? '', tls: probe.tls?.getProtocol() ?? undefined }
    await exam.finish(probe)
    return look
  } catch (error) {
    if (error instanceof Untried) throw new PeerError('tls', error.message)
    throw error
  }
}

async function tried(exam: Examination, rule: Rule): Promise<Verdict> {
  if (rule.destructive && !exam.destructive) return { result: 'untried', why: needsDestructive }
  try {
    return await rule.check(exam)
  } catch (error) {
    if (error instanceof Untried) return { result: 'untried', why: error.message }
    // Silence, or the end of the connection, where an answer had to come.
    if (error instanceof PeerError)
      return error.code === 'unreachable' ? { result: 'untried', why: error.message } : fails(error.message)
    throw error
  }
}

/** Some servers repeat what they were sent: the password goes into no report. */
function discreet(verdict: Verdict, password: string | undefined): Verdict {
  if (password === undefined) return verdict
  const hidden = (text: string): string => text.replaceAll(password, '(the password)')
  if (verdict.result === 'untried') return { ...verdict, why: hidden(verdict.why) }
  if (verdict.result === 'fails') return fails(hidden(verdict.seen))
  return verdict.seen === undefined ? verdict : { ...verdict, seen: hidden(verdict.seen) }
}
