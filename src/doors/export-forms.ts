import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../errors.ts'
import type { Message, UserMail } from '../store/store.ts'
import {
  ExportFile,
  ExportFolders,
  giveName,
  isBeginningOf,
  isThere,
  safeParts,
  shortened,
  temporary,
} from './export-file.ts'
import { folderOfMailbox, lettersOf } from './maildir.ts'
import { fromLine, MboxQuoter } from './mbox.ts'

/** One form of export, being written. */
export interface ExportForm {
  /** Files written at the same time; 1 where the order matters. */
  readonly width: number
  /** Writes one message of a mailbox. Rejects with StoreError when its octets are damaged; nothing of it is then left. */
  write(message: Message, mailbox: string): Promise<void>
  /** Makes everything durable under its final name. */
  finish(): Promise<void>
  /** Removes what has no final name. */
  abandon(): Promise<void>
}

/** One file a message: INBOX at the root, every other mailbox in folders of its name. */
export class EmlForm implements ExportForm {
  readonly width = 8
  readonly #mail: UserMail
  readonly #root: string
  readonly #folders = new ExportFolders()

  constructor(mail: UserMail, root: string) {
    this.#mail = mail
    this.#root = root
  }

  async write(message: Message, mailbox: string): Promise<void> {
    const folder = await this.#folders.open(mailbox === 'INBOX' ? this.#root : join(this.#root, ...safeParts(mailbox)))
    const path = join(folder, `${String(message.id).padStart(6, '0')}.eml`)
    if (await isThere(path, message)) return
    await writeMessage(this.#mail, message, temporary(path), path)
  }

  async finish(): Promise<void> {
    await this.#folders.open(this.#root)
    await this.#folders.sync()
  }

  abandon(): Promise<void> {
    return Promise.resolve()
  }
}

/** Maildir++: INBOX is the root, mailbox `A/B` the folder `.A.B`. */
export class MaildirForm implements ExportForm {
  readonly width = 8
  readonly #mail: UserMail
  readonly #root: string
  readonly #folders = new ExportFolders()
  /** By folder, the files that are there: base name to path. */
  readonly #there = new Map<string, Promise<Map<string, string>>>()

  constructor(mail: UserMail, root: string) {
    this.#mail = mail
    this.#root = root
  }

  async write(message: Message, mailbox: string): Promise<void> {
    const folder = this.#folderOf(mailbox)
    let there = this.#there.get(folder)
    if (there === undefined) this.#there.set(folder, (there = this.#prepare(folder, mailbox)))
    // The part before the colon names the message for ever; a mail program may have changed what follows.
    const base = `${Math.floor(message.received / 1000)}.${message.id}.postino,S=${message.size}`
    const old = (await there).get(base)
    if (old !== undefined && (await isThere(old, message))) return
    const info = `${process.platform === 'win32' ? ';' : ':'}2,${lettersOf(message.flags)}`
    const part = message.flags.some((flag) => flag.toLowerCase() === '\\seen') ? 'cur' : 'new'
    await writeMessage(this.#mail, message, join(folder, 'tmp', base), join(folder, part, base + info))
  }

  async finish(): Promise<void> {
    await this.#prepare(this.#root, 'INBOX')
    await this.#folders.sync()
  }

  abandon(): Promise<void> {
    return Promise.resolve()
  }

  #folderOf(mailbox: string): string {
    return mailbox === 'INBOX' ? this.#root : join(this.#root, shortened(folderOfMailbox(mailbox)))
  }

  async #prepare(folder: string, mailbox: string): Promise<Map<string, string>> {
    const there = new Map<string, string>()
    for (const part of ['tmp', 'new', 'cur']) {
      const path = await this.#folders.open(join(folder, part))
      if (part === 'tmp') continue
      for (const name of await readdir(path)) there.set(name.replace(/[:;!]2,.*$/, ''), join(path, name))
    }
    if (mailbox !== 'INBOX') {
      // Maildir++: this file tells that the folder is part of a Maildir and not one of its own.
      const path = join(folder, 'maildirfolder')
      const file = await ExportFile.create(path)
      await file.finish()
    }
    return there
  }
}

/** One file a mailbox, its messages in order of arrival. */
export class MboxForm implements ExportForm {
  readonly width = 1
  readonly #mail: UserMail
  readonly #root: string
  readonly #folders = new ExportFolders()
  readonly #files = new Map<string, ExportFile>()

  constructor(mail: UserMail, root: string) {
    this.#mail = mail
    this.#root = root
  }

  async write(message: Message, mailbox: string): Promise<void> {
    const file = await this.#fileOf(mailbox)
    const start = file.size
    try {
      const quoter = new MboxQuoter()
      let last: number | undefined
      let begun = false
      for await (const chunk of this.#mail.bytes(message.id)) {
        if (chunk.length === 0) continue
        if (!begun) await file.write(Buffer.from(fromLine(senderOf(chunk), message.received)))
        begun = true
        last = chunk.at(-1)
        for (const part of quoter.push(chunk)) await file.write(part)
      }
      if (!begun) await file.write(Buffer.from(fromLine(nobody, message.received)))
      await file.write(quoter.end())
      await file.write(Buffer.from(last === undefined || last === 10 ? '\n' : '\n\n'))
    } catch (error) {
      await file.rollback(start)
      throw error
    }
  }

  async finish(): Promise<void> {
    await this.#folders.open(this.#root)
    for (const [path, file] of this.#files) {
      this.#files.delete(path)
      const part = temporary(path)
      try {
        await file.finish()
        // More mail than last time only makes the file longer; any other difference is somebody else's work.
        await isBeginningOf(path, part)
        await giveName(part, path)
      } catch (error) {
        await file.discard()
        throw error
      }
    }
    await this.#folders.sync()
  }

  async abandon(): Promise<void> {
    for (const file of this.#files.values()) await file.discard()
    this.#files.clear()
  }

  async #fileOf(mailbox: string): Promise<ExportFile> {
    const parts = safeParts(mailbox)
    const path = `${join(this.#root, ...parts)}.mbox`
    let file = this.#files.get(path)
    if (file === undefined) {
      await this.#folders.open(join(this.#root, ...parts.slice(0, -1)))
      file = await ExportFile.create(temporary(path))
      this.#files.set(path, file)
    }
    return file
  }
}

async function writeMessage(mail: UserMail, message: Message, part: string, path: string): Promise<void> {
  const file = await ExportFile.create(part)
  try {
    for await (const chunk of mail.bytes(message.id)) {
      const full = file.write(chunk)
      if (full !== undefined) await full
    }
    await file.finish(message.received)
    await giveName(part, path)
  } catch (error) {
    await file.discard()
    throw error
  }
}

const nobody = 'MAILER-DAEMON'

/** The address for a From line: the envelope's, as Return-Path keeps it (RFC 5321 §4.4), else that of the From field. */
function senderOf(head: Uint8Array): string {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 16384)).toString('latin1')
  const header = text.split(/\r?\n\r?\n/, 1)[0] ?? ''
  const field = /^return-path:[ \t]*(.*)/im.exec(header)?.[1] ?? /^from:((?:.|\r?\n[ \t])*)/im.exec(header)?.[1] ?? ''
  return /[^\s<>()",;:@]+@[A-Za-z0-9.[\]-]+/.exec(field)?.[0].replace(/[^!-~]/g, '?') ?? nobody
}

/** Whether an error is one message's own: the others can still be read. */
export function isDamage(error: unknown): error is StoreError {
  return error instanceof StoreError && ['damaged', 'missing', 'no-such-message'].includes(error.code)
}
