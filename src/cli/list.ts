import { MisuseError } from '../errors.ts'
import type { MailboxId, MessageId } from '../ids.ts'
import { headerOnly } from '../intake/header-only.ts'
import { describe, type Description } from '../message/describe.ts'
import type { Message, UserMail } from '../store/store.ts'
import type { Context } from './context.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { lookAtHead } from './head.ts'
import { messageLine } from './message-line.ts'
import { withMailThere } from './open.ts'
import { singleLine } from './printable.ts'

/** How many messages are read at a time. */
const page = 256

/** `postino list`: oldest first. */
export function list(
  context: Context,
  options: { readonly user?: string; readonly mailbox?: string; readonly limit?: string },
): Promise<ExitCode> {
  const limit = wholeNumber('--limit', options.limit)
  return withMailThere<ExitCode>(context, options.user, 0, async ({ mail }) => {
    const { names, mailbox, first } = await mail.read((view) => {
      const mailboxes = view.mailboxes()
      const names = new Map(mailboxes.map(({ id, name }) => [id, name]))
      const mailbox = options.mailbox === undefined ? undefined : view.mailbox(options.mailbox)
      if (options.mailbox !== undefined && mailbox === undefined)
        throw new MisuseError(
          'usage',
          singleLine(`there is no mailbox ${options.mailbox}; there are: ${[...names.values()].join(', ')}`),
        )
      const range = { newest: true, ...(mailbox !== undefined && { mailbox: mailbox.id }) }
      const last = limit === undefined ? undefined : view.messages({ ...range, limit })
      return { names, mailbox: mailbox?.id, first: limit === 0 ? undefined : (last?.[0]?.id ?? 1) - 1 }
    })
    if (first === undefined) return 0
    let damaged = false
    for await (const { message, description, fault } of described(mail, mailbox, first as MessageId)) {
      if (fault !== undefined) {
        damaged = true
        context.notes.failure(`postino: message ${message.id}: ${fault}`)
      }
      const name = names.get(message.mailbox) ?? ''
      const full = context.json
        ? context.output.json(shown(message, name, description))
        : context.output.line(line(message, description, context.output.columns))
      if (full !== undefined) await full
      if (context.output.gone) break
    }
    return damaged ? 1 : 0
  })
}

interface Described {
  readonly message: Message
  readonly description: Description
  readonly fault: string | undefined
}

const nothing = describe(new Uint8Array())

async function* described(mail: UserMail, mailbox: MailboxId | undefined, first: MessageId): AsyncGenerator<Described> {
  let after = first
  for (;;) {
    const options = { after, limit: page, ...(mailbox !== undefined && { mailbox }) }
    const messages = await mail.read((view) => view.messages(options))
    for (const message of messages) {
      let description = nothing
      let fault: string | undefined
      try {
        const waiting = lookAtHead(mail, message.id, (head) => (description = describe(head)))
        if (waiting !== undefined) await waiting
      } catch (error) {
        fault = describeFailure(error)
      }
      yield { message, description, fault }
    }
    const last = messages.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

function line(message: Message, { date, from, subject }: Description, columns: number | undefined): string {
  const { id, received, flags } = message
  const part = flags.includes(headerOnly) ? '[only the header] ' : ''
  return messageLine({ id, date: date ?? received, from, subject: part + subject }, columns)
}

function shown(message: Message, mailbox: string, { date, from, to, subject }: Description): object {
  const { id, received, octets, uniqueId, flags } = message
  const dates = {
    received: new Date(received).toISOString(),
    date: date === undefined ? null : new Date(date).toISOString(),
  }
  return {
    id,
    mailbox,
    ...dates,
    from: singleLine(from),
    to: singleLine(to),
    subject: singleLine(subject),
    octets,
    uniqueId,
    flags,
  }
}

/** The whole number that an option gives. */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new MisuseError('usage', `${option} ${text}: give a whole number`)
  return Number(text)
}
