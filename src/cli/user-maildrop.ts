import type { Directory } from '../accounts/directory.ts'
import { deviceIn } from '../accounts/names.ts'
import type { UserSettings } from '../accounts/settings.ts'
import { resetMaildrop } from '../doors/serve-pop3-maildrops-removal.ts'
import { notExpired } from '../doors/serve-pop3-maildrops.ts'
import { MisuseError } from '../errors.ts'
import type { UserMail } from '../store/store.ts'
import { octetsText, plural } from './amounts.ts'
import { existing } from './choose-user.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { withDirectory, withStore } from './open.ts'

/** A maildrop as it is named on the command line: `NAME` or `NAME+DEVICE`. */
export interface NamedMaildrop {
  readonly user: string
  readonly device: string | undefined
}

/** Which maildrop is meant; throws MisuseError where there is no such user. */
export function namedMaildrop(directory: Directory, name: string): NamedMaildrop {
  const parts = directory.user(name) === undefined ? deviceIn(name) : undefined
  if (parts !== undefined && directory.user(parts.user) !== undefined) return parts
  return { user: existing(directory, name), device: undefined }
}

/** Throws MisuseError where the user has no such device. */
export async function mustHaveDevice(mail: UserMail, device: string): Promise<void> {
  const devices = await mail.read((view) => view.devices().map(({ name }) => name))
  if (devices.includes(device)) return
  const known = devices.length === 0 ? 'has no devices' : `has: ${devices.join(', ')}`
  throw new MisuseError('usage', `there is no device ${JSON.stringify(device)}; ${mail.user} ${known}`)
}

/** `postino user maildrop show NAME[+DEVICE]` */
export function showMaildrop(context: Context, name: string): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const { user, device } = namedMaildrop(directory, name)
    const settings = directory.settings(user)
    return await withStore(context, async (store): Promise<ExitCode> => {
      const mail = await store.open(user)
      if (device !== undefined) await mustHaveDevice(mail, device)
      const amounts = await mail.read((view) => {
        const { count, octets } = view.maildrop(device, notExpired(settings, Date.now()))
        const trash = device === undefined ? { trash: view.trashed(Infinity).length } : {}
        const all = octets.reduce((sum, each) => sum + each, 0)
        return { messages: count, octets: all, hidden: view.hidden(device).length, ...trash }
      })
      if (context.json) await context.output.json({ user, ...(device && { device }), ...amounts, ...shown(settings) })
      else {
        const { messages, octets, hidden, trash } = amounts
        const lines: [string, string][] = [
          ['messages', `${plural(messages, 'message')}, ${octetsText(octets)}`],
          ['deleted', `${plural(hidden, 'message')}, kept here`],
          ...(trash === undefined ? [] : [['in the trash', plural(trash, 'message')] satisfies [string, string]]),
          ['dele', device === undefined ? settings.dele : 'hide, from this device only'],
          ['trash days', String(settings.trashDays)],
          ['expire', settings.expireDays === undefined ? 'never' : plural(settings.expireDays, 'day')],
          ['login delay', settings.loginDelay === 0 ? 'none' : plural(settings.loginDelay, 'second')],
          ['new devices', settings.newDevices],
        ]
        for (const [what, value] of lines) await context.output.line(`${what.padEnd(14)}${value}`)
      }
      return 0
    })
  })
}

export interface MaildropOptions {
  readonly dele?: string
  readonly trashDays?: string
  readonly expire?: string
  readonly loginDelay?: string
  readonly newDevices?: string
}

/** `postino user maildrop set NAME …` */
export function setMaildrop(context: Context, name: string, options: MaildropOptions): Promise<ExitCode> {
  const { dele, trashDays, expire, loginDelay, newDevices } = options
  const changes: Partial<UserSettings> = {
    ...(dele !== undefined && { dele: oneOf('--dele', dele, ['hide', 'trash', 'expunge']) }),
    ...(trashDays !== undefined && { trashDays: whole('--trash-days', trashDays) }),
    ...(expire !== undefined && { expireDays: expire === 'never' ? undefined : whole('--expire', expire) }),
    ...(loginDelay !== undefined && { loginDelay: whole('--login-delay', loginDelay) }),
    ...(newDevices !== undefined && { newDevices: oneOf('--new-devices', newDevices, ['all', 'new']) }),
  }
  if (Object.keys(changes).length === 0)
    throw new MisuseError('usage', 'say what to set: --dele, --trash-days, --expire, --login-delay or --new-devices')
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const { user, device } = namedMaildrop(directory, name)
    if (device !== undefined)
      throw new MisuseError('usage', `settings are those of a user, for all devices: name ${user}, not ${name}`)
    if (!(await directory.setSettings(user, changes))) existing(directory, user)
    if (context.json) await context.output.json({ user, ...shown(directory.settings(user)) })
    else await context.output.line(`changed the maildrop of ${user}`)
    return 0
  })
}

/** `postino user maildrop reset NAME[+DEVICE]` */
export function resetMaildropOf(context: Context, name: string): Promise<ExitCode> {
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const { user, device } = namedMaildrop(directory, name)
    return await withStore(context, async (store): Promise<ExitCode> => {
      const mail = await store.open(user)
      if (device !== undefined) await mustHaveDevice(mail, device)
      const { shown: back, fromTrash } = await resetMaildrop(mail, device)
      if (context.json) await context.output.json({ user, ...(device && { device }), shown: back, fromTrash })
      else {
        const trash = fromTrash === 0 ? '' : `, ${fromTrash} of them from the trash`
        await context.output.line(`brought back ${plural(back + fromTrash, 'message')} of ${name}${trash}`)
      }
      return 0
    })
  })
}

/** For JSON: what is not set is null. */
function shown(settings: UserSettings): Record<string, unknown> {
  return { ...settings, expireDays: settings.expireDays ?? null }
}

function whole(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new MisuseError('usage', `${option} ${text}: give a whole number${option === '--expire' ? ', or never' : ''}`)
}

function oneOf<Word extends string>(option: string, text: string, words: readonly Word[]): Word {
  const word = words.find((each) => each === text)
  if (word !== undefined) return word
  throw new MisuseError('usage', `${option} ${text}: give ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`)
}
