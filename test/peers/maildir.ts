import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** How many messages, and how many octets they are. */
export interface Tally {
  readonly messages: number
  readonly octets: number
}

/** Who owns the mail of the peers: root may not read mail by Dovecot, so as root it is `nobody`. */
export function mailOwner(): { readonly uid: number; readonly gid: number } {
  const uid = process.getuid?.() ?? 0
  if (uid !== 0) return { uid, gid: process.getgid?.() ?? 0 }
  const fields = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  return { uid: Number(fields?.[1] ?? 65534), gid: Number(fields?.[2] ?? 65534) }
}

/** As root the mail is read by `nobody`, who must come through every folder above it. */
export function letMailOwnerIn(folder: string): void {
  if (process.getuid?.() !== 0) return
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const mode = statSync(at).mode & 0o7777
    if ((mode & 0o001) === 0) chmodSync(at, mode | 0o011)
  }
}

/**
 * Fills a Maildir quickly (no fsync), in order, as Dovecot itself would name the files: with their sizes (`S=`, and `W=` with
 * CRLFs), so that it never opens a message to know its size. What is there already stays, before them.
 */
export function fillMaildir(folder: string, messages: Iterable<Uint8Array>): Tally {
  const owner = mailOwner()
  for (const name of ['', 'tmp', 'new', 'cur']) {
    mkdirSync(join(folder, name), { recursive: true, mode: 0o700 })
    chownSync(join(folder, name), owner.uid, owner.gid)
  }
  const before = readdirSync(join(folder, 'cur')).length
  let count = 0
  let octets = 0
  for (const message of messages) {
    const wire = message.length + bareLineFeeds(message)
    const name = `${1_700_000_000 + before + count}.M0P${before + count}.postino,S=${message.length},W=${wire}:2,S`
    const path = join(folder, 'cur', name)
    const file = openSync(path, 'wx', 0o600)
    try {
      for (let written = 0; written < message.length;) written += writeSync(file, message, written)
    } finally {
      closeSync(file)
    }
    chownSync(path, owner.uid, owner.gid)
    count++
    octets += message.length
  }
  return { messages: count, octets }
}

function bareLineFeeds(message: Uint8Array): number {
  const octets = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  let bare = 0
  for (let at = octets.indexOf(10); at >= 0; at = octets.indexOf(10, at + 1)) if (octets[at - 1] !== 13) bare++
  return bare
}

function files(folder: string): string[] {
  return ['new', 'cur']
    .filter((name) => existsSync(join(folder, name)))
    .flatMap((name) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)))
}

/** Counts a Maildir's messages and the octets of its files. */
export function tallyMaildir(folder: string): Tally {
  const paths = files(folder)
  return { messages: paths.length, octets: paths.reduce((sum, path) => sum + statSync(path).size, 0) }
}

/** The octets of each message of a Maildir, in the order of the files' names. */
export function readMaildir(folder: string): Buffer[] {
  return files(folder)
    .toSorted()
    .map((path) => readFileSync(path))
}
