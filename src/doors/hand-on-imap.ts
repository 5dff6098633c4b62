import type { ImapTarget } from '../accounts/hand-on-target.ts'
import { RefusedError } from '../errors.ts'
import { headerOnly } from '../intake/header-only.ts'
import type { Message, UserMail } from '../store/store.ts'
import { type Contents, Fingerprint, fingerprintOf } from './hand-on-contents.ts'
import { type Courier, type Missing, type Outcome, type Parcel, unreadable } from './hand-on-courier.ts'
import { openImap } from './hand-on-imap-log-in.ts'
import type { ImapSession } from './hand-on-imap-session.ts'
import { imapDate, imapMailbox, parseImapDate, type Tagged } from './hand-on-imap-words.ts'
import type { LinkOptions } from './hand-on-link.ts'
import type { HandOnSecret } from './hand-on-log-in.ts'

/** How far a mailbox had come: what is put into it later has this UID or a greater one (RFC 9051 §2.3.1.1). */
interface Mark {
  readonly uidValidity: number
  readonly uidNext: number
}

/** Puts messages into a mailbox by APPEND, many under way at once. A mailbox that is not there is made. */
export async function imapCourier(target: ImapTarget, secret: HandOnSecret, options: LinkOptions): Promise<Courier> {
  const session = await openImap(target, secret, options)
  const mailbox = imapMailbox(target.mailbox)
  try {
    const courier = new ImapCourier(session, mailbox, target.mailbox)
    await courier.look()
    return courier
  } catch (error) {
    session.link.drop()
    throw error
  }
}

class ImapCourier implements Courier {
  readonly most = 64
  readonly #session: ImapSession
  readonly #mailbox: string
  readonly #name: string
  /** Undefined: to be asked for again. */
  #mark: Mark | undefined

  constructor(session: ImapSession, mailbox: string, name: string) {
    this.#session = session
    this.#mailbox = mailbox
    this.#name = name
  }

  /** Looks whether the mailbox is there, and makes it where it is not. */
  async look(): Promise<void> {
    const answer = await this.#status()
    if (answer.status !== 'OK') {
      // Where a reason is given it must be that the mailbox is missing (RFC 5530 §3).
      if (!['', 'NONEXISTENT', 'TRYCREATE'].includes(answer.code.toUpperCase()))
        throw this.#session.refusal(answer, `to look at the mailbox ${this.#name}`)
      await this.#session.must(`CREATE ${this.#mailbox}`, `to make the mailbox ${this.#name}`)
      await this.#session.ask(`SUBSCRIBE ${this.#mailbox}`)
    }
    await this.mark()
  }

  async mark(): Promise<string> {
    if (this.#mark === undefined) await this.#status()
    if (this.#mark !== undefined) return JSON.stringify(this.#mark)
    throw new RefusedError('no', '', `${this.#session.link.place} does not tell how the mailbox ${this.#name} stands`)
  }

  async carry(parcels: readonly Parcel[], tell: (parcel: Parcel, outcome: Outcome) => void): Promise<void> {
    const carried: Promise<void>[] = []
    for (const parcel of parcels) {
      // In their order: so they stand there in it.
      const contents = await parcel.contents().catch(unreadable)
      if ('kind' in contents) {
        tell(parcel, contents)
        continue
      }
      const one = this.#append(parcel.message, contents).then((outcome) => tell(parcel, outcome))
      one.catch(() => undefined)
      carried.push(one)
    }
    // All of them: one that broke off tells nothing about those that were answered before.
    const failed = (await Promise.allSettled(carried)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }

  async #append(message: Message, contents: Contents): Promise<Outcome> {
    const { link, capabilities } = this.#session
    const binary = contents.fitness.nul
    if (binary && !capabilities.has('BINARY'))
      return {
        kind: 'refused',
        why: `it holds NUL octets, which go by IMAP only where the server has BINARY (RFC 3516), and ${link.place} has not`,
      }
    const limit = appendLimit(capabilities)
    if (message.size > limit)
      return { kind: 'refused', why: `it has ${message.size} octets, and ${link.place} takes ${limit} at most` }
    const tagged = await this.#session.append({
      mailbox: this.#mailbox,
      flags: message.flags.filter((flag) => !ownMatters.has(flag.toLowerCase())),
      date: imapDate(message.received),
      size: message.size,
      binary,
      octets: () => contents.octets(),
    })
    if (tagged.status !== 'OK') return { kind: 'refused', why: this.#session.refusal(tagged, 'it').message }
    this.#advance(tagged.code)
    return { kind: 'taken', reply: tagged.text }
  }

  /** RFC 4315 §3: what was just put there has this UID, so what follows has a greater one. Who does not say is asked again. */
  #advance(code: string): void {
    const [, uidValidity, uid] = /^APPENDUID (\d+) (\d+)$/i.exec(code) ?? []
    const mark = this.#mark
    if (mark === undefined || Number(uidValidity) !== mark.uidValidity) this.#mark = undefined
    else this.#mark = { ...mark, uidNext: Math.max(mark.uidNext, Number(uid) + 1) }
  }

  /** Asks how the mailbox stands, and notes it where the server tells. */
  async #status(): Promise<Tagged> {
    let given = ''
    const tagged = await this.#session.ask(`STATUS ${this.#mailbox} (UIDNEXT UIDVALIDITY)`, {
      untagged: (line) => (given = /^STATUS .*\(([^()]*)\)\s*$/i.exec(line)?.[1] ?? given),
    })
    const uidNext = Number(/\bUIDNEXT (\d+)/i.exec(given)?.[1])
    const uidValidity = Number(/\bUIDVALIDITY (\d+)/i.exec(given)?.[1])
    this.#mark = tagged.status === 'OK' && uidNext > 0 && uidValidity > 0 ? { uidNext, uidValidity } : undefined
    return tagged
  }

  /**
   * Looks among what was put there since: by date and size first, then by octets, for a server may answer neither an APPEND that it did
   * nor one that it did not. Each message there stands for one that is missing.
   */
  readonly find = async (missing: readonly Missing[], mail: UserMail): Promise<ReadonlySet<Message>> => {
    const found = new Set<Message>()
    let exists = 0
    let uidValidity = 0
    await this.#session.must(`EXAMINE ${this.#mailbox}`, `to look into the mailbox ${this.#name}`, {
      untagged: (line) => {
        exists = Number(/^(\d+) EXISTS/i.exec(line)?.[1] ?? exists)
        uidValidity = Number(/\[UIDVALIDITY (\d+)/i.exec(line)?.[1] ?? uidValidity)
      },
    })
    const sought = missing.map(({ message, mark }) => {
      const since = JSON.parse(mark) as Mark
      // A mailbox made anew has new UIDs.
      return { message, from: since.uidValidity === uidValidity ? since.uidNext : 1 }
    })
    const from = Math.min(...sought.map((each) => each.from))
    const there = exists === 0 ? [] : await this.#since(from)
    const prints = new Map<number, string>()
    for (const { message, from: since } of sought) {
      const second = Math.floor(message.received / 1000) * 1000
      const own = await fingerprintOf(mail, message.id).catch(() => undefined)
      for (const { uid, date, size } of there) {
        if (uid < since || (date !== second && size !== message.size) || prints.get(uid) === 'taken') continue
        const print = prints.get(uid) ?? (await this.#fingerprint(uid))
        prints.set(uid, print)
        if (own === undefined || print !== own) continue
        prints.set(uid, 'taken')
        found.add(message)
        break
      }
    }
    // RFC 9051 §6.4.1: nothing is expunged by it, for the mailbox was opened to be read.
    await this.#session.must('CLOSE', `to leave the mailbox ${this.#name}`)
    // What was found may have come after the mark was asked for.
    this.#mark = undefined
    return found
  }

  async #since(from: number): Promise<{ uid: number; date: number; size: number }[]> {
    const there: { uid: number; date: number; size: number }[] = []
    await this.#session.must(`UID FETCH ${from}:* (INTERNALDATE RFC822.SIZE)`, 'to list what is there', {
      untagged: (line) => {
        const uid = Number(/^\d+ FETCH .*\bUID (\d+)/i.exec(line)?.[1])
        const size = Number(/\bRFC822\.SIZE (\d+)/i.exec(line)?.[1])
        const date = parseImapDate(/\bINTERNALDATE "([^"]*)"/i.exec(line)?.[1] ?? '')
        // RFC 9051 §9: in n:*, * is the last message, also where n is greater.
        if (uid >= from) there.push({ uid, date, size })
      },
    })
    return there
  }

  async #fingerprint(uid: number): Promise<string> {
    const print = new Fingerprint()
    await this.#session.must(`UID FETCH ${uid} (BODY.PEEK[])`, 'to give a message that is there', {
      literal: (piece) => print.take(piece),
    })
    return print.finish()
  }

  close(): Promise<void> {
    this.#session.close()
    return Promise.resolve()
  }
}

/** What is said by these is said about a message here, or by the server alone. With \Deleted it would be gone there at the next EXPUNGE. */
const ownMatters = new Set(['\\recent', '\\deleted', headerOnly.toLowerCase()])

/** RFC 7889 §3. */
function appendLimit(capabilities: ReadonlySet<string>): number {
  for (const name of capabilities) {
    const limit = /^APPENDLIMIT=(\d+)$/.exec(name)?.[1]
    if (limit !== undefined) return Number(limit)
  }
  return Infinity
}
