import { RefusedError } from '../../errors.ts'

/** An issuer gives no more tokens for an account: somebody must log in there again. The message says how. */
export class ConsentNeeded extends RefusedError {
  constructor(address: string, why: string, reply = '') {
    super('bad-login', reply, `${why}; run: postino account login ${address}`)
  }
}
