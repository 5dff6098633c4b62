import { createInterface } from 'node:readline'
import type { AccountSettings } from '../accounts/directory.ts'
import { openBrowser } from '../accounts/oauth/browser.ts'
import { consentByBrowser } from '../accounts/oauth/by-browser.ts'
import { consentByDevice, type DeviceCode } from '../accounts/oauth/by-device.ts'
import { registrationOf } from '../accounts/oauth/registration.ts'
import { keepTokens } from '../accounts/oauth/token-source.ts'
import type { Tokens } from '../accounts/oauth/tokens.ts'
import { Secrets } from '../accounts/secrets.ts'
import { MisuseError } from '../errors.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { chooseAccounts } from './fetch.ts'
import { withDirectory } from './open.ts'
import { singleLine } from './printable.ts'

export interface LoginOptions {
  /** There is no browser here: a code is shown, to be typed in elsewhere. */
  readonly device?: boolean
}

/** `postino account login ADDRESS`: has a person log in at the issuer anew, and keeps the tokens. */
export function loginAccount(context: Context, given: string, options: LoginOptions): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const [account] = chooseAccounts(directory, [given])
    if (account?.options.auth !== 'oauth')
      throw new MisuseError(
        'usage',
        `${given} logs in with a password, not by OAuth 2.0; \`postino account set ${given} --auth oauth\` changes that`,
      )
    const { address } = account
    const tokens = await askConsent(context, account, options)
    await keepTokens({ data: context.data, directory, secrets: new Secrets(context.data) }, address, tokens)
    if (context.json) await context.output.json({ account: address, ...shownTokens(tokens) })
    else
      await context.output.line(`${address}: logged in${endText(tokens)}; \`postino account test ${address}\` tries it`)
    return 0
  })
}

/**
 * Has a person log in at the issuer of an account, which need not be kept yet. What the person needs for that goes to stderr; with
 * `--json`, as a line to stdout: `url`, and with `--device` `code`, `complete`, `expires`.
 */
export async function askConsent(
  context: Context,
  { login, options }: Pick<AccountSettings, 'login' | 'options'>,
  { device = false }: LoginOptions,
): Promise<Tokens> {
  const registration = await registrationOf(options, context.data)
  if (device) return await consentByDevice(registration, { show: (code) => showDevice(context, code) })
  const pasted = linesOfPerson(context, registration.redirect === 'oob')
  try {
    return await consentByBrowser(registration, {
      login,
      pasted,
      onOdd: () =>
        context.notes.failure(
          registration.redirect === 'oob'
            ? 'That is no code. Paste the code that the page shows.'
            : 'That is not it. Paste the whole address at which the browser ends: it has "state=" and "code=" in it.',
        ),
      show: (url, copy) => showUrl(context, url, copy, pasted !== undefined),
    })
  } finally {
    pasted?.close()
  }
}

/** What `--json` shows of tokens: nothing that lets anybody in. */
export function shownTokens({ expires, consentEnds, scopes, issuer }: Tokens): object {
  const time = (when: number | undefined): string | undefined =>
    when === undefined ? undefined : new Date(when).toISOString()
  return { issuer, scopes, expires: time(expires), consentEnds: time(consentEnds) }
}

async function showUrl(context: Context, url: string, copy: boolean, canPaste: boolean): Promise<void> {
  if (context.json) {
    await context.output.json({ url })
    await context.output.flush()
  }
  const opened = openBrowser(url)
  if (context.json) return
  context.notes.failure(opened ? 'Log in with the browser; if none opens, go to:' : 'Log in with a browser; go to:')
  context.notes.failure(url)
  if (copy) context.notes.ask('and paste the code that the page shows: ')
  else if (canPaste)
    context.notes.failure(
      'If that browser is on another machine, paste here the address at which it ends, though it shows no page.',
    )
}

async function showDevice(context: Context, { url, code, complete, expires }: DeviceCode): Promise<void> {
  if (context.json) {
    await context.output.json({ url, code, complete, expires: new Date(expires).toISOString() })
    await context.output.flush()
    return
  }
  const minutes = Math.max(1, Math.round((expires - Date.now()) / 60_000))
  context.notes.failure(`On any machine with a browser go to ${singleLine(url)}`)
  context.notes.failure(`and type in the code ${singleLine(code)} within ${minutes} minutes.`)
}

/** What a person may paste; undefined where nobody is there to. */
function linesOfPerson(context: Context, needed: boolean): ReturnType<typeof createInterface> | undefined {
  if (!needed && (context.json || !process.stdin.isTTY)) return undefined
  return createInterface({ input: process.stdin, crlfDelay: Infinity })
}

function endText({ consentEnds }: Tokens): string {
  return consentEnds === undefined ? '' : ` until ${new Date(consentEnds).toISOString().slice(0, 10)}`
}
