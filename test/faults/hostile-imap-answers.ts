import { setTimeout as sleep } from 'node:timers/promises'
import type { HostileImap, ImapBox, ImapMessage } from './hostile-imap.ts'

const usual = [
  'IMAP4rev1',
  'LITERAL+',
  'ID',
  'ENABLE',
  'NAMESPACE',
  'SPECIAL-USE',
  'LIST-EXTENDED',
  'LIST-STATUS',
  'CONDSTORE',
  'QRESYNC',
  'UIDPLUS',
  'MOVE',
  'IDLE',
  'AUTH=PLAIN',
  'AUTH=LOGIN',
  'SASL-IR',
]

interface Line {
  send(text: string | Buffer): Promise<void>
  line(): Promise<string | undefined>
  drop(): void
  /** Says nothing more. */
  hang(): Promise<never>
  secure(): Promise<void>
}

/** What the server says to each command. */
export class ImapAnswers {
  readonly #server: HostileImap
  readonly #line: Line
  #box: ImapBox | undefined
  #secure = false

  constructor(server: HostileImap, line: Line) {
    this.#server = server
    this.#line = line
  }

  /** False: the session is over. */
  async answer(line: string): Promise<boolean> {
    const { hostility } = this.#server
    const [, tag = '*', uid = '', verb = '', rest = ''] = /^(\S+) (UID )?(\S+) ?(.*)$/is.exec(line) ?? []
    const name = verb.toUpperCase()
    this.#server.commands.push(`${uid.toUpperCase()}${name}${rest === '' ? '' : ` ${rest}`}`)
    hostility.onCommand?.(line)
    if (hostility.hang === name) return await this.#line.hang()
    const untagged = hostility.untagged?.[name]
    if (untagged !== undefined) await this.#line.send(`${untagged}\r\n`)
    const instead = hostility.instead?.[name]
    const done = instead ?? (await this.#do(name, rest))
    if (done === undefined) return false
    await this.#line.send(`${tag} ${done}\r\n`)
    if (name === 'STARTTLS' && done.startsWith('OK')) {
      this.#secure = true
      await this.#line.secure()
    }
    return name !== 'LOGOUT'
  }

  /** Does a command; gives its tagged answer. */
  async #do(name: string, rest: string): Promise<string | undefined> {
    const { hostility, boxes } = this.#server
    const say = (text: string): Promise<void> => this.#line.send(`${text}\r\n`)
    switch (name) {
      case 'CAPABILITY':
        await say(`* CAPABILITY ${this.#capabilities().join(' ')}`)
        return 'OK done'
      case 'STARTTLS': {
        const injected = hostility.tls?.injected
        return hostility.tls === undefined ? 'BAD no TLS' : `OK begin${injected === undefined ? '' : `\r\n${injected}`}`
      }
      case 'LOGIN':
        return this.#taken(rest.split(' ')[1]?.replaceAll('"', '') ?? '')
      case 'AUTHENTICATE':
        return await this.#authenticate(rest)
      case 'ID':
        await say('* ID NIL')
        return 'OK done'
      case 'ENABLE':
        await say(`* ENABLED ${rest}`)
        return 'OK done'
      case 'NAMESPACE':
        await say(`* NAMESPACE (("${hostility.prefix ?? ''}" "${hostility.delimiter ?? '/'}")) NIL NIL`)
        return 'OK done'
      case 'LIST':
        for (const box of boxes.values()) {
          await say(`* LIST (${box.attributes.join(' ')}) "${hostility.delimiter ?? '/'}" "${box.name}"`)
          if (/STATUS/.test(rest) && !box.attributes.includes('\\Noselect')) await say(this.#status(box))
        }
        return 'OK done'
      case 'LSUB':
        return 'OK done'
      case 'STATUS': {
        const box = boxes.get(unquoted(rest))
        if (box === undefined) return 'NO [NONEXISTENT] no such mailbox'
        await say(this.#status(box))
        return 'OK done'
      }
      case 'SELECT':
      case 'EXAMINE': {
        const box = boxes.get(unquoted(rest))
        if (box === undefined) return 'NO [NONEXISTENT] no such mailbox'
        if (hostility.closed?.includes(box.name) === true) return 'NO [SERVERBUG] its index is damaged'
        this.#box = box
        await this.#selected(box)
        return `OK [READ-${name === 'SELECT' ? 'WRITE' : 'ONLY'}] done`
      }
      case 'SEARCH':
        await say(`* SEARCH ${this.#searched(rest).join(' ')}`.trimEnd())
        return 'OK done'
      case 'FETCH':
        return await this.#fetch(rest)
      case 'STORE': {
        const [set = '', , flags = ''] = /^(\S+) (\S+) \((.*)\)$/.exec(rest)?.slice(1) ?? []
        for (const message of this.#chosen(set)) {
          message.flags = [...new Set([...message.flags, ...flags.split(' ')])]
          message.modseq = ++this.#server.modseq
        }
        return 'OK done'
      }
      case 'EXPUNGE':
        return await this.#expunge(rest === '' ? undefined : this.#chosen(rest))
      case 'MOVE': {
        const [set = '', to = ''] = rest.split(' ')
        const moved = this.#chosen(set).map(({ uid }) => uid)
        const places = this.#places(moved)
        this.#server.move(this.#box?.name ?? '', moved, unquoted(to))
        for (const place of places) await say(`* ${place} EXPUNGE`)
        return 'OK done'
      }
      case 'GETQUOTAROOT': {
        const { used, limit } = hostility.quota ?? { used: 0, limit: 0 }
        await say('* QUOTAROOT INBOX ""')
        await say(`* QUOTA "" (STORAGE ${Math.round(used / 1024)} ${Math.round(limit / 1024)})`)
        return 'OK done'
      }
      case 'IDLE':
        return await this.#idle()
      case 'LOGOUT':
        await say('* BYE until next time')
        return 'OK done'
      case 'NOOP':
      case 'CLOSE':
        return 'OK done'
      default:
        return 'BAD what?'
    }
  }

  #capabilities(): readonly string[] {
    const { capabilities = usual, tls } = this.#server.hostility
    return tls === undefined || this.#secure ? capabilities : [...capabilities, 'STARTTLS']
  }

  async #authenticate(rest: string): Promise<string> {
    const [mechanism = '', initial] = rest.split(' ')
    const ask = async (challenge: string): Promise<string> => {
      await this.#line.send(`+ ${challenge}\r\n`)
      return Buffer.from((await this.#line.line()) ?? '', 'base64').toString()
    }
    if (mechanism.toUpperCase() === 'LOGIN') {
      await ask(Buffer.from('Username:').toString('base64'))
      return this.#taken(await ask(Buffer.from('Password:').toString('base64')))
    }
    const said = initial === undefined ? await ask('') : Buffer.from(initial, 'base64').toString()
    const [, bearer] = said.split('auth=Bearer ')
    const secret = bearer?.split('\u0001')[0] ?? said.split('\0')[2] ?? ''
    const answer = this.#taken(secret)
    // RFC 7628 §3.2.3: the failure first comes as a challenge.
    if (answer.startsWith('NO') && said.includes('Bearer'))
      await ask(Buffer.from('{"status":"401"}').toString('base64'))
    return answer
  }

  #taken(secret: string): string {
    const { secrets = ['secret'] } = this.#server.hostility
    return secrets.includes(secret) ? 'OK logged in' : 'NO [AUTHENTICATIONFAILED] invalid credentials'
  }

  #status(box: ImapBox): string {
    const { messages, uidNext, uidValidity } = box
    const unseen = messages.filter(({ flags }) => !flags.includes('\\Seen')).length
    const modseq = this.#can('CONDSTORE') ? ` HIGHESTMODSEQ ${highest(messages)}` : ''
    return `* STATUS "${box.name}" (MESSAGES ${messages.length} UIDNEXT ${uidNext} UIDVALIDITY ${uidValidity} UNSEEN ${unseen}${modseq})`
  }

  async #selected({ messages, uidNext, uidValidity, id }: ImapBox): Promise<void> {
    const lines = [
      '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
      '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] flags',
      `* ${messages.length} EXISTS`,
      `* OK [UIDVALIDITY ${uidValidity}] valid`,
      `* OK [UIDNEXT ${uidNext}] next`,
      this.#can('CONDSTORE') ? `* OK [HIGHESTMODSEQ ${highest(messages)}] highest` : '* OK [NOMODSEQ] none',
      ...(id === undefined ? [] : [`* OK [MAILBOXID (${id})] id`]),
    ]
    await this.#line.send(`${lines.join('\r\n')}\r\n`)
  }

  #searched(query: string): number[] {
    const all = this.#box?.messages ?? []
    if (/DELETED/i.test(query)) return all.filter(({ flags }) => flags.includes('\\Deleted')).map(({ uid }) => uid)
    const set = /UID (\S+)/i.exec(query)?.[1]
    return (set === undefined ? all : this.#chosen(set)).map(({ uid }) => uid)
  }

  async #fetch(rest: string): Promise<string | undefined> {
    const { hostility } = this.#server
    const [set = '', items = ''] = /^(\S+) (.*)$/.exec(rest)?.slice(1) ?? []
    const since = Number(/CHANGEDSINCE (\d+)/i.exec(items)?.[1] ?? 0)
    const body = /BODY\.PEEK\[\]/i.test(items)
    let refused = false
    let given = 0
    const { throttle } = hostility
    for (const message of this.#chosen(set)) {
      if (body && throttle !== undefined && throttle.times > 0 && given++ === throttle.after) {
        throttle.times--
        return 'BAD Request is throttled. Suggested Backoff Time: 10 milliseconds'
      }
      const { uid } = message
      if (message.modseq <= since) continue
      if (body && hostility.omit?.includes(uid) === true) continue
      if (body && hostility.refuse?.includes(uid) === true) {
        refused = true
        continue
      }
      if (!(await this.#give(message, items))) return undefined
    }
    return refused ? 'NO [SERVERBUG] some messages could not be read' : 'OK done'
  }

  async #give(message: ImapMessage, items: string): Promise<boolean> {
    const { hostility } = this.#server
    const { uid, octets, flags, date, modseq, emailId, labels } = message
    const asks = (item: string): boolean => items.toUpperCase().includes(item)
    const parts = [`UID ${uid}`]
    if (asks('FLAGS')) parts.push(`FLAGS (${flags.join(' ')})`)
    if (asks('INTERNALDATE')) parts.push(`INTERNALDATE "${date}"`)
    if (asks('RFC822.SIZE')) parts.push(`RFC822.SIZE ${hostility.size?.(uid, octets.length) ?? octets.length}`)
    if (asks('MODSEQ')) parts.push(`MODSEQ (${modseq})`)
    if (asks('EMAILID') && emailId !== undefined) parts.push(`EMAILID (${emailId})`)
    if (asks('X-GM-MSGID')) parts.push(`X-GM-MSGID ${emailId ?? uid}`)
    if (asks('X-GM-LABELS')) parts.push(`X-GM-LABELS (${(labels ?? []).map(label).join(' ')})`)
    const start = `* ${this.#places([uid])[0]} FETCH (${parts.join(' ')}`
    if (asks('BODY.PEEK[HEADER]')) {
      const end = octets.indexOf('\r\n\r\n')
      const header = end === -1 ? octets : octets.subarray(0, end + 4)
      await this.#line.send(Buffer.concat([Buffer.from(`${start} BODY[HEADER] {${header.length}}\r\n`), header]))
    } else if (asks('BODY.PEEK[]')) {
      if (!(await this.#body(message, start))) return false
    } else await this.#line.send(start)
    await this.#line.send(')\r\n')
    return true
  }

  async #body({ uid, octets }: ImapMessage, start: string): Promise<boolean> {
    const { literal8 = false, quoted = false, drop, hang, drip } = this.#server.hostility
    if (quoted && /^[ !#-[\]-~]*$/.test(octets.toString('latin1'))) {
      await this.#line.send(`${start} BODY[] "${octets.toString('latin1')}"`)
      return true
    }
    await this.#line.send(`${start} BODY[] ${literal8 ? '~' : ''}{${octets.length}}\r\n`)
    if (drop?.uid === uid) {
      await this.#line.send(octets.subarray(0, drop.after))
      await sleep(5)
      this.#line.drop()
      return false
    }
    if (hang === 'BODY') {
      await this.#line.send(octets.subarray(0, octets.length >> 1))
      return await this.#line.hang()
    }
    if (drip !== undefined) {
      for (const octet of octets) {
        await this.#line.send(Buffer.of(octet))
        await sleep(drip)
      }
      return true
    }
    await this.#line.send(octets)
    return true
  }

  async #expunge(only: readonly ImapMessage[] | undefined): Promise<string> {
    const box = this.#box
    if (box === undefined) return 'BAD no mailbox'
    const going = box.messages
      .filter((message) => message.flags.includes('\\Deleted') && (only === undefined || only.includes(message)))
      .map(({ uid }) => uid)
    const places = this.#places(going)
    this.#server.expunge(box.name, going)
    for (const place of places) await this.#line.send(`* ${place} EXPUNGE\r\n`)
    return 'OK done'
  }

  async #idle(): Promise<string> {
    await this.#line.send('+ idling\r\n')
    const stop = this.#server.idle((line) => void this.#line.send(`${line}\r\n`))
    const done = await this.#line.line()
    stop()
    return done === undefined ? 'NO lost' : 'OK done'
  }

  /** Message-numbers, the last first: so that each is right when it is told. */
  #places(uids: readonly number[]): number[] {
    const all = this.#box?.messages ?? []
    return uids.map((uid) => all.findIndex((message) => message.uid === uid) + 1).toSorted((a, b) => b - a)
  }

  #chosen(set: string): ImapMessage[] {
    const all = this.#box?.messages ?? []
    const last = all.at(-1)?.uid ?? 0
    const runs = set.split(',').map((run) => {
      const [first = 0, end = first] = run.split(':').map((word) => (word === '*' ? last : Number(word)))
      return [Math.min(first, end), Math.max(first, end)] as const
    })
    return all.filter(({ uid }) => runs.some(([first, end]) => uid >= first && uid <= end))
  }

  #can(capability: string): boolean {
    return (this.#server.hostility.capabilities ?? usual).includes(capability)
  }
}

function highest(messages: readonly ImapMessage[]): number {
  return messages.reduce((most, { modseq }) => Math.max(most, modseq), 1)
}

function unquoted(rest: string): string {
  return /^"([^"]*)"/.exec(rest)?.[1] ?? rest.split(' ')[0] ?? ''
}

function label(name: string): string {
  return name.startsWith('\\') ? `"\\${name}"` : `"${name}"`
}

export const usualCapabilities: readonly string[] = usual
