import { createHash } from 'node:crypto'
import { toBase64 } from '../wire/base64.ts'
import type { Probe } from './probe.ts'
import type { Reply } from './reply.ts'

/** Who logs in. */
export interface Login {
  readonly login: string
  readonly password: string
}

/** A way in: resolves with the reply that settles it. */
export type WayIn = (probe: Probe, who: Login) => Promise<Reply>

/** RFC 1939 §7. */
export const userPass: WayIn = async (probe, { login, password }) => {
  const user = await probe.ask(`USER ${login}`)
  return user.status === '+OK' ? await probe.ask(`PASS ${password}`) : user
}

/** RFC 5034 §4 with the initial response in the command, where that fits into 255 octets. */
export const authPlain: WayIn = async (probe, who) => {
  const command = `AUTH PLAIN ${plainResponse(who)}`
  return command.length <= 253 ? await probe.ask(command) : await authPlainInTwoSteps(probe, who)
}

/** The same, with the response on a line of its own. */
export const authPlainInTwoSteps: WayIn = async (probe, who) => {
  const challenge = await probe.ask('AUTH PLAIN')
  return challenge.status === '+' ? await probe.ask(plainResponse(who)) : challenge
}

/** The mechanism LOGIN, which has no RFC: the server asks for the name, then for the password. */
export const authLogin: WayIn = async (probe, { login, password }) => {
  const first = await probe.ask('AUTH LOGIN')
  if (first.status !== '+') return first
  const second = await probe.ask(base64(login))
  return second.status === '+' ? await probe.ask(base64(password)) : second
}

/** RFC 1939 §7: the MD5 of the greeting's timestamp followed by the password. */
export const apop: WayIn = async (probe, { login, password }) => {
  const timestamp = /<[^>]+>/.exec(probe.greeting?.line ?? '')?.[0] ?? ''
  return await probe.ask(`APOP ${login} ${createHash('md5').update(`${timestamp}${password}`).digest('hex')}`)
}

/** RFC 4616 §2. */
export function plainResponse({ login, password }: Login, actFor = ''): string {
  return base64(`${actFor}\0${login}\0${password}`)
}

export function base64(text: string): string {
  return toBase64(Buffer.from(text))
}
