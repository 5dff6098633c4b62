import { MisuseError, StoreError } from '../errors.ts'
import type { MessageId } from '../ids.ts'
import { headerOnly } from '../intake/header-only.ts'
import { readable } from '../message/readable.ts'
import type { UserMail } from '../store/store.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { withMailThere } from './open.ts'
import { printable } from './printable.ts'

/** A longer message is shown as far as this, octets; `--raw` gives it whole. */
const most = 64 << 20

/** `postino show ID` */
export function show(
  context: Context,
  id: string,
  options: { readonly user?: string; readonly raw?: boolean },
): Promise<ExitCode> {
  if (!/^\d{1,15}$/.test(id))
    throw new MisuseError('usage', `${JSON.stringify(id)} is no message id; \`postino list\` shows them`)
  return withMailThere<ExitCode>(context, options.user, 1, async ({ user, mail }): Promise<ExitCode> => {
    const wanted = Number(id) as MessageId
    const message = await mail.read((view) => view.message(wanted))
    if (message === undefined)
      throw new StoreError('no-such-message', `${user} has no message ${id}; \`postino list\` shows those there are`)
    if (message.flags.includes(headerOnly))
      context.notes.note(`only the header of this message is here: \`postino fetch --message ${id}\` brings the whole`)
    if (options.raw === true) {
      for await (const chunk of mail.bytes(wanted)) {
        await context.output.octets(chunk)
        if (context.output.gone) break
      }
      return 0
    }
    const octets = await beginning(mail, wanted)
    const text = printable(readable(octets)).trimEnd()
    if (context.json) await context.output.json({ id: wanted, user, octets: message.octets, text })
    else await context.output.line(text)
    if (octets.length >= most) context.notes.note(`the message is longer: this is what its first ${most >> 20} MiB say`)
    return 0
  })
}

async function beginning(mail: UserMail, id: MessageId): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of mail.bytes(id)) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= most) break
  }
  return Buffer.concat(chunks, length)
}
