import { secretOf } from '../accounts/account-secret.ts'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalAddress } from '../accounts/names.ts'
import { Secrets } from '../accounts/secrets.ts'
import { examine, broken } from '../doctor/examine.ts'
import { ruleIds } from '../doctor/rules/index.ts'
import type { Target } from '../doctor/target.ts'
import { MisuseError, PeerError } from '../errors.ts'
import { readPassword } from './ask.ts'
import type { Context } from './context.ts'
import { doctorJson, doctorLines } from './doctor-report.ts'
import { parseTarget, type Whom } from './doctor-target.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { findSettings } from './find-settings.ts'
import { nearest } from './nearest.ts'
import { withDirectory } from './open.ts'
import { isThisMachine } from './server-option.ts'

interface DoctorOptions {
  readonly server?: string
  readonly tls?: string
  readonly login?: string
  readonly passwordStdin?: boolean
  readonly certificate?: string
  readonly verify: boolean
  readonly destructive?: boolean
  readonly timeout: string
  readonly only?: readonly string[]
  readonly except?: readonly string[]
  readonly all?: boolean
}

/** `postino doctor TARGET`: examines a POP3 server. 0: all rules hold; 1: some rule does not; 75: it cannot be reached. */
export async function doctor(context: Context, given: string, options: DoctorOptions): Promise<ExitCode> {
  const only = options.only && new Set(options.only.map(known))
  const except = new Set((options.except ?? []).map(known))
  const patience = seconds(options.timeout) * 1000
  const destructive = options.destructive === true
  const target = await targetOf(context, given, options)
  warn(context, target, destructive)
  try {
    const findings = await examine({
      target,
      destructive,
      patience,
      except,
      ...(only && { only }),
      onRule: ({ id }, number, of) => context.notes.bar(`examining: ${number} of ${of}, ${id}`),
    })
    context.notes.bar('')
    if (context.json) await context.output.json(doctorJson(target, findings, destructive))
    else
      for (const line of doctorLines(target, findings, { all: options.all === true, columns: context.output.columns }))
        await context.output.line(line)
    return broken(findings).length === 0 ? 0 : 1
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    context.notes.bar('')
    context.notes.failure(`postino: ${describeFailure(error)}`)
    return 75
  }
}

/** The server, and the password from where it is to be had. */
async function targetOf(context: Context, given: string, options: DoctorOptions): Promise<Target> {
  const { login, password, ...server } = given.includes('://')
    ? parseTarget(given, options)
    : await addressed(context, given, options)
  const secret =
    login === undefined
      ? undefined
      : options.passwordStdin === true || password === undefined
        ? await readPassword(context, {
            fromStdin: options.passwordStdin ?? false,
            what: `password of ${login} at ${server.host}`,
            twice: false,
          })
        : password
  if (secret === '') throw new MisuseError('usage', 'the password is empty')
  const certificate = certificateOf(context, server.host, options)
  return {
    ...server,
    ...(certificate !== undefined && { certificate }),
    ...(!options.verify && { trustAnyway: true }),
    // Nobody listens in on this machine itself; elsewhere the words must say that the password may be seen.
    ...((isThisMachine(server.host) || options.tls === 'none') && { inTheClear: true }),
    ...(login !== undefined && secret !== undefined && { credentials: { login, password: secret } }),
  }
}

/** What to trust beside what the system trusts: what is given, or on this machine the certificate that our own `serve` has made. */
function certificateOf(context: Context, host: string, options: DoctorOptions): string | undefined {
  if (options.certificate !== undefined) return readCertificate(options.certificate)
  const own = join(context.data, 'tls', 'certificate.pem')
  return isThisMachine(host) && existsSync(own) ? readCertificate(own) : undefined
}

/** The account of that address, or else its provider. */
async function addressed(context: Context, given: string, options: DoctorOptions): Promise<Whom> {
  const address = canonicalAddress(given)
  // Where there is no data folder yet, none is made only to look into it.
  if (options.server === undefined && existsSync(join(context.data, 'postino.sqlite'))) {
    const found = await withDirectory(context, async (directory): Promise<Whom | undefined> => {
      const account = directory.account(address)
      if (account === undefined) return undefined
      if (account.protocol !== 'pop3')
        throw new MisuseError(
          'usage',
          `${address} is fetched by IMAP, and doctor examines POP3: name its POP3 server with --server`,
        )
      const parts = { data: context.data, directory, secrets: new Secrets(context.data) }
      const secret = options.passwordStdin === true ? undefined : await secretOf(account, parts)
      return {
        host: account.server,
        port: account.port,
        tls: account.tls,
        login: account.login,
        ...(secret !== undefined && 'password' in secret && { password: secret.password }),
      }
    })
    if (found !== undefined) return found
  }
  const { server, tls: how, login: as } = options
  const words = { protocol: 'pop3', offline: true, server, tls: how, login: as }
  const { server: host, port, tls, login, notes } = await findSettings(given, words)
  for (const note of notes) context.notes.note(`note: ${note}`)
  return { host, port, tls, login }
}

function warn(context: Context, target: Target, destructive: boolean): void {
  if (target.credentials !== undefined && destructive)
    context.notes.note(
      `note: with --destructive the last message of ${target.credentials.login} is removed for good, and wrong passwords are tried`,
    )
  if (target.trustAnyway === true)
    context.notes.note(`note: --no-verify: whoever answers for ${target.host} is sent the password`)
  if (target.tls === 'none' && target.inTheClear === true && !isThisMachine(target.host))
    context.notes.note(
      `note: without TLS, the password and all mail cross the network to ${target.host} for everybody to read`,
    )
}

function known(id: string): string {
  if (ruleIds.includes(id)) return id
  const meant = nearest(id, ruleIds)
  throw new MisuseError(
    'usage',
    `there is no rule ${JSON.stringify(id)}${meant === undefined ? '' : ` (${meant}?)`}; docs/doctor.md lists them`,
  )
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 3600)) throw new MisuseError('usage', `--timeout ${text}: give a number of seconds`)
  return value
}

function readCertificate(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new MisuseError('usage', `--certificate ${file}: it cannot be read`, { cause })
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new MisuseError('usage', `--certificate ${file}: it is not a certificate in PEM form`)
  return text
}
