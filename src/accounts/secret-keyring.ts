import type { AsyncEntry } from '@napi-rs/keyring'
import { MisuseError } from '../errors.ts'

/** What the entries stand under; the account's address is the user's name there. */
const service = 'postino'
/** How long the keyring may take, milliseconds: where it is locked it may ask a person, who may not be there. */
const patience = 60_000

/** What is used of `@napi-rs/keyring`. */
export interface KeyringModule {
  readonly AsyncEntry: new (
    service: string,
    username: string,
    options?: { linux?: { store: 'secret-service' } },
  ) => Pick<AsyncEntry, 'getPassword' | 'setPassword' | 'deletePassword'>
}

type Load = () => Promise<KeyringModule>

/** It is a dependency that may be missing, and is loaded where somebody wants it. */
const load: Load = () => import('@napi-rs/keyring')

/** The password of an account, in the keyring of the system. Rejects with MisuseError where there is none, or it is locked. */
export async function passwordInKeyring(address: string, module: Load = load): Promise<string> {
  const entry = await entryOf(address, module)
  const password = await asked(address, (signal) => entry.getPassword(signal))
  if (password === null)
    throw new MisuseError(
      'configuration',
      `the keyring of the system has no password for ${address} (it would stand under "${service}"); give it again`,
    )
  return password
}

/** Puts it there. */
export async function keepInKeyring(address: string, password: string, module: Load = load): Promise<void> {
  const entry = await entryOf(address, module)
  await asked(address, (signal) => entry.setPassword(password, signal))
}

/** Takes it away; nothing happens where there is none. */
export async function removeFromKeyring(address: string, module: Load = load): Promise<void> {
  const entry = await entryOf(address, module)
  await asked(address, (signal) => entry.deletePassword(signal))
}

async function entryOf(address: string, module: Load): Promise<InstanceType<KeyringModule['AsyncEntry']>> {
  let loaded: KeyringModule
  try {
    loaded = await module()
  } catch (cause) {
    throw new MisuseError(
      'configuration',
      'the keyring of the system needs the package @napi-rs/keyring, which is not installed, or has no build for this system; install it, or keep the password elsewhere',
      { cause },
    )
  }
  // Without this it would fall back on the kernel's keyring, which is empty after the next start of the machine.
  return await asked(address, () => new loaded.AsyncEntry(service, address, { linux: { store: 'secret-service' } }))
}

async function asked<T>(address: string, work: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(patience)
  const late = Promise.withResolvers<never>()
  const stop = (): void => late.reject(new Error(`it did not answer within ${patience / 1000} s`))
  limit.addEventListener('abort', stop)
  try {
    return await Promise.race([work(limit), late.promise])
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MisuseError(
      'configuration',
      `the keyring of the system does not give or take the password of ${address}: ${why}; see that it is there and unlocked`,
      { cause },
    )
  } finally {
    limit.removeEventListener('abort', stop)
  }
}
