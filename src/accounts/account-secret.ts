import { StoreError } from '../errors.ts'
import type { AccountOptions } from './account-options.ts'
import type { Account, Directory } from './directory.ts'
import type { Secrets } from './secrets.ts'

/** What an account logs in with: a password, or a source of tokens. Both fetch doors take it as it is. */
export type AccountSecret = { readonly password: string } | { readonly token: (refused?: string) => Promise<string> }

/** Where secrets are. */
export interface SecretParts {
  readonly data: string
  readonly directory: Directory
  readonly secrets: Secrets
}

/** What an account logs in with now. Rejects with MisuseError or StoreError where it cannot be had. */
export async function secretOf(
  account: Pick<Account, 'address' | 'options'>,
  parts: SecretParts,
): Promise<AccountSecret> {
  const { address, options } = account
  const { secretFrom = 'folder' } = options
  if (options.auth === 'oauth') {
    const [{ tokenSource }, { registrationOf }] = await Promise.all([
      import('./oauth/token-source.ts'),
      import('./oauth/registration.ts'),
    ])
    return { token: tokenSource(parts, address, () => registrationOf(options, parts.data)) }
  }
  if (secretFrom === 'folder') {
    const sealed = parts.directory.secret(address)
    if (sealed === undefined) throw new StoreError('missing', `the account ${address} was removed meanwhile`)
    if (sealed.length === 0)
      throw new StoreError(
        'missing',
        `there is no password of ${address} yet; \`postino account set ${address} --password-stdin\` takes one`,
      )
    return { password: parts.secrets.unseal(address, sealed) }
  }
  if (secretFrom === 'keyring') {
    const { passwordInKeyring } = await import('./secret-keyring.ts')
    return { password: await passwordInKeyring(address) }
  }
  const { passwordOfCommand } = await import('./secret-command.ts')
  return { password: await passwordOfCommand(address, secretFrom.command) }
}

/**
 * Keeps the password of an account where its options say. Gives what the directory is to have as its secret (`addAccount`,
 * `setSecret`): nothing where the password is elsewhere. Of a command there is nothing to keep.
 */
export async function keepPassword(
  address: string,
  { secretFrom = 'folder' }: Pick<AccountOptions, 'secretFrom'>,
  password: string,
  secrets: Secrets,
): Promise<Uint8Array> {
  if (secretFrom === 'folder') return secrets.seal(address, password)
  if (secretFrom === 'keyring') {
    const { keepInKeyring } = await import('./secret-keyring.ts')
    await keepInKeyring(address, password)
  }
  return new Uint8Array()
}

/** Forgets what is kept of an account outside of the directory: to be called when it is removed, or keeps its password elsewhere. */
export async function forgetPassword(account: Pick<Account, 'address' | 'options'>): Promise<void> {
  if (account.options.auth === 'oauth' || account.options.secretFrom !== 'keyring') return
  const { removeFromKeyring } = await import('./secret-keyring.ts')
  await removeFromKeyring(account.address)
}
