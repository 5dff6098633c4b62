import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Mechanism } from '../sasl/mechanism.ts'
import { prepared } from '../sasl/prepare.ts'
import type { ScramKeys } from '../sasl/scram.ts'
import { BearerTokens, type OAuthSettings } from './bearer.ts'
import type { Credentials, LoggedIn } from './credentials.ts'
import { Crowd } from './crowd.ts'
import { Failures } from './failures.ts'
import { deviceIn, loginName } from './names.ts'
import { verifyPassword } from './passwords.ts'
import { placeOf } from '../net/place.ts'
import { inventScramKeys, makeScramKeys, nobodysKeys, parseScramKeys } from './scram-keys.ts'
import { Secrets } from './secrets.ts'
import { apopOwner } from './stored-credential.ts'
import type { Possible, StoredUser } from './stored-users.ts'

/** How long a verified password is remembered, milliseconds. */
const lifetime = 5 * 60_000
/** At most so many are remembered; the oldest goes first. */
const remembered = 4096

/** What looks like the encrypted secret of somebody. */
const nobodysSecret = Uint8Array.from({ length: 40 }, (_, at) => (at === 0 ? 1 : 0))

/** What an `Authenticator` asks of the directory. */
export interface Users {
  /** A user as now; asked at every log-in, so it must be cheap. */
  find(name: string): StoredUser | undefined
  /** The stored form of a user's SCRAM keys, null where there are none, undefined where there is no such user. */
  scram(name: string): string | null | undefined
  readonly possible: Possible
  /** A secret that stays the same. */
  readonly pepper: Uint8Array
  keepScram(name: string, password: string, scram: string): Promise<boolean>
}

/** Where the time comes from; tests give their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  sleep(milliseconds: number): Promise<void>
}

export interface AuthenticatorOptions {
  /** The data folder, for the count of failures and the key of recoverable secrets; without it there is no APOP. */
  readonly data?: string | undefined
  /** Whose bearer tokens are taken; without it there are none. */
  readonly oauth?: OAuthSettings | undefined
  readonly clock?: Clock | undefined
}

const realClock: Clock = {
  now: () => Date.now(),
  // Nobody who only waits for a wrong answer keeps the program from ending.
  sleep: (milliseconds) => new Promise((resolve) => void setTimeout(resolve, milliseconds).unref()),
}

/** Somebody whom a login name means. */
interface Person {
  readonly user: StoredUser
  readonly device: string | undefined
}

type PasswordCredentials = Extract<Credentials, { by: 'password' }>

/**
 * Tells users from others. A mail program logs in every minute, so that a password once verified is remembered for some minutes:
 * not itself but its hash with a key that dies with the process, and bound to the stored one, so that a changed or removed
 * password counts at once. Who fails waits longer each time; who is right is answered at once.
 */
export class Authenticator {
  readonly #users: Users
  readonly #clock: Clock
  readonly #secrets: Secrets | undefined
  readonly #bearer: BearerTokens | undefined
  readonly #failures: Failures
  readonly #crowd = new Crowd()
  readonly #key = randomBytes(32).toString('base64')
  readonly #verified = new Map<string, { readonly stored: string; readonly until: number }>()
  /** The passwords being looked at: who comes with the same one waits for the same answer. */
  readonly #looking = new Map<string, Promise<LoggedIn | undefined>>()
  /** Users from before there were SCRAM keys, for whom some are being made. */
  readonly #making = new Set<string>()

  constructor(users: Users, { data, oauth, clock = realClock }: AuthenticatorOptions = {}) {
    this.#users = users
    this.#clock = clock
    this.#secrets = data === undefined ? undefined : new Secrets(data)
    this.#bearer = oauth && new BearerTokens(oauth)
    this.#failures = new Failures(data, users.pepper)
  }

  /** What is possible now: SCRAM only where no user with a password would fail for want of keys. The best first. */
  get mechanisms(): readonly Mechanism[] {
    return mechanismsWhere(this.#users.possible.scram, this.#bearer !== undefined)
  }

  /** Whether some user chose a recoverable secret. */
  get apop(): boolean {
    return this.#secrets !== undefined && this.#users.possible.apop
  }

  /** Who it is, undefined where that is not proved. `from`: the address. Rejects with RefusedError `try-later` while too many wait. */
  authenticate(credentials: Credentials, from: string): Promise<LoggedIn | undefined> {
    if (credentials.by !== 'password') return this.#examine(credentials, placeOf(from))
    const key = this.#keyOf(credentials)
    const person = this.#remembers(key, credentials.login)
    if (person !== undefined) return Promise.resolve(person)
    let looking = this.#looking.get(key)
    if (looking === undefined) {
      looking = this.#verify(credentials, key, placeOf(from)).finally(() => this.#looking.delete(key))
      this.#looking.set(key, looking)
    }
    return looking
  }

  /** What a SCRAM proof is held against; invented, but always the same, for who has no keys. Rejects like `authenticate`. */
  async keys(login: string, from: string): Promise<ScramKeys> {
    this.#crowd.admit(placeOf(from))
    const name = loginName(login)
    const parts = deviceIn(name)
    let stored = this.#users.scram(name)
    if (stored === undefined && parts !== undefined) stored = this.#users.scram(parts.user)
    // Both for everybody, so that it takes as long for who is there as for who is not.
    const invented = inventScramKeys(parts?.user ?? name, this.#users.pepper)
    const keys = parseScramKeys(stored ?? nobodysKeys)
    return await Promise.resolve(typeof stored === 'string' && keys !== undefined ? keys : invented)
  }

  /** Lets go of the count of failures. */
  close(): void {
    this.#failures.close()
  }

  async #verify(credentials: PasswordCredentials, key: string, place: string): Promise<LoggedIn | undefined> {
    const { login, password } = credentials
    this.#crowd.admit(place)
    const stored = this.#person(login)?.user.password
    const right = await this.#crowd.inTurn(place, () => verifyPassword(password, stored))
    const person = this.#person(login)
    if (!right || stored === undefined || person?.user.password !== stored) return await this.#wrong(login, place)
    this.#remember(key, stored)
    if (person.user.scram === undefined) this.#makeScram(person.user.name, password, stored)
    return this.#right(person, place)
  }

  async #examine(credentials: Exclude<Credentials, { by: 'password' }>, place: string): Promise<LoggedIn | undefined> {
    // Who proves to know a password was let in when asking for the keys. A wrong proof must wait even where no more are let in: answered
    // at once it would cost nothing.
    if (credentials.by !== 'scram') this.#crowd.admit(place)
    const person = credentials.by === 'bearer' ? await this.#bearerOf(credentials) : this.#prover(credentials)
    return person === undefined ? await this.#wrong(credentials.login, place) : this.#right(person, place)
  }

  /** Whom a token entitles to what was asked for. */
  async #bearerOf({ login, token }: Extract<Credentials, { by: 'bearer' }>): Promise<Person | undefined> {
    // Of ASCII only: the issuer may tell letters apart that are one here, and give them to different people.
    const name = (await this.#bearer?.userOf(token))?.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    if (name === undefined) return undefined
    const person = this.#person(login === '' ? name : login)
    // A device is for the login name to say, not for the token: there, mario+x@ may be somebody else.
    return person?.user.name === name ? person : undefined
  }

  /** Who has proved to know the password. */
  #prover(credentials: Extract<Credentials, { by: 'scram' | 'apop' }>): Person | undefined {
    const person = this.#person(credentials.login)
    const right =
      credentials.by === 'scram'
        ? credentials.proven && person?.user.scram !== undefined
        : this.#digestHolds(credentials, person?.user)
    return right ? person : undefined
  }

  /** RFC 1939 §7: the MD5 of the timestamp followed by the secret, as it was typed or (RFC 6856 §2.2) prepared. */
  #digestHolds({ timestamp, digest }: Extract<Credentials, { by: 'apop' }>, user: StoredUser | undefined): boolean {
    const secret = this.#secretOf(user)
    const given = Buffer.from(digest)
    const [typed, alike] = [secret ?? '', prepared(secret ?? '')].map((one) => {
      const wanted = Buffer.from(hash('md5', timestamp + one))
      return given.length === wanted.length && timingSafeEqual(given, wanted)
    })
    return (typed === true || alike === true) && secret !== undefined
  }

  #secretOf(user: StoredUser | undefined): string | undefined {
    if (user?.apop !== undefined) return this.#secrets?.unseal(apopOwner(user.name), user.apop)
    try {
      this.#secrets?.unseal('', nobodysSecret) // in vain, but it takes as long
    } catch {}
    return undefined
  }

  #right({ user, device }: Person, place: string): LoggedIn {
    this.#failures.succeeded(place, user.name)
    return { user: user.name, device }
  }

  async #wrong(login: string, place: string): Promise<undefined> {
    const wait = this.#failures.failed(place, userIn(login), this.#clock.now())
    await this.#crowd.slowed(place, () => this.#clock.sleep(wait))
    return undefined
  }

  #person(login: string): Person | undefined {
    const name = loginName(login)
    const whole = this.#users.find(name)
    if (whole !== undefined) return { user: whole, device: undefined }
    const parts = deviceIn(name)
    const user = parts && this.#users.find(parts.user)
    return user && { user, device: parts.device }
  }

  #remembers(key: string, login: string): LoggedIn | undefined {
    const found = this.#verified.get(key)
    if (found === undefined) return undefined
    const person = this.#person(login)
    if (person !== undefined && person.user.password === found.stored && found.until > this.#clock.now())
      return { user: person.user.name, device: person.device }
    this.#verified.delete(key)
    return undefined
  }

  #remember(key: string, stored: string): void {
    this.#verified.delete(key) // so that it goes to the end of the map, which is kept in order of age
    this.#verified.set(key, { stored, until: this.#clock.now() + lifetime })
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size <= remembered) break
      this.#verified.delete(oldest)
    }
  }

  #keyOf({ login, password }: PasswordCredentials): string {
    return hash('sha256', `${this.#key}${login.toLowerCase()}\0${password}`, 'base64')
  }

  #makeScram(name: string, password: string, stored: string): void {
    if (this.#making.has(name)) return
    this.#making.add(name)
    makeScramKeys(password)
      .then((scram) => this.#users.keepScram(name, stored, scram))
      .catch(() => undefined) // the next log-in tries again
      .finally(() => this.#making.delete(name))
  }
}

/** Whose failures they are: `mario`, with whatever device. */
function userIn(login: string): string {
  const name = loginName(login)
  return deviceIn(name)?.user ?? name
}

const lists = new Map<string, readonly Mechanism[]>()

/** The same array for the same: who asks need not look into it again. */
function mechanismsWhere(scram: boolean, bearer: boolean): readonly Mechanism[] {
  const key = `${scram} ${bearer}`
  let list = lists.get(key)
  if (list === undefined) {
    list = [
      ...(scram ? (['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] as const) : []),
      ...(bearer ? (['OAUTHBEARER', 'XOAUTH2'] as const) : []),
      'PLAIN',
      'LOGIN',
    ]
    lists.set(key, list)
  }
  return list
}
