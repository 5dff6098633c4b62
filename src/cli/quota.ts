import { parseOctets } from '../accounts/leave.ts'
import { MisuseError } from '../errors.ts'
import type { DiskStore } from '../store/disk.ts'
import { octetsText, plural } from './amounts.ts'
import { chooseUsers, existing } from './choose-user.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { hasMail, withDirectory, withStore } from './open.ts'

/** What a user keeps, and may keep. */
interface Use {
  readonly user: string
  readonly messages: number
  readonly octets: number
  /** Null: any. */
  readonly quota: number | null
}

/** `postino quota [NAME] [AMOUNT|none]` */
export function quota(context: Context, name: string | undefined, amount: string | undefined): Promise<ExitCode> {
  const wanted = amount === undefined ? undefined : quotaOf(amount)
  return withDirectory(context, async (directory): Promise<ExitCode> => {
    const users = name === undefined ? chooseUsers(directory, undefined) : [existing(directory, name)]
    return await withStore(context, async (store): Promise<ExitCode> => {
      for (const user of users) {
        if (wanted !== undefined) {
          const mail = await store.open(user)
          await mail.change((draft) => draft.setQuota(wanted === 'none' ? undefined : wanted))
        }
        await tell(context, await useOf(context, store, user))
      }
      return 0
    })
  })
}

function quotaOf(text: string): number | 'none' {
  const found = text === 'none' ? text : parseOctets(text)
  if (found !== undefined) return found
  throw new MisuseError('usage', `a quota of ${text}: give an amount, such as 500MB or 20GB, or none`)
}

async function useOf(context: Context, store: DiskStore, user: string): Promise<Use> {
  if (!hasMail(context, user)) return { user, messages: 0, octets: 0, quota: null }
  const mail = await store.open(user)
  return await mail.read((view) => ({
    user,
    messages: view.mailboxes().reduce((sum, { messages }) => sum + messages, 0),
    octets: view.octets(),
    quota: view.quota() ?? null,
  }))
}

async function tell(context: Context, use: Use): Promise<void> {
  if (context.json) {
    await context.output.json(use)
    return
  }
  const { user, messages, octets, quota: most } = use
  const part = most === null || most === 0 ? '' : ` (${Math.floor((100 * octets) / most)} %)`
  const limit = most === null ? 'no quota' : `of ${octetsText(most)}${part}`
  const full = most !== null && octets >= most ? '; no new mail comes in until there is room' : ''
  await context.output.line(`${user}: ${plural(messages, 'message')}, ${octetsText(octets)}, ${limit}${full}`)
}
