import { setTimeout as sleep } from 'node:timers/promises'
import * as oauth from 'oauth4webapi'
import { MisuseError, PeerError, RefusedError } from '../../errors.ts'
import { authOf, authorizationServer, clientAt, requestOptions } from './authorization-server.ts'
import { issuerError } from './issuer-error.ts'
import type { Registration } from './registration.ts'
import { type Tokens, tokensOf } from './tokens.ts'

/** What a person must do, with a browser on any machine. */
export interface DeviceCode {
  readonly url: string
  readonly code: string
  /** The two in one. */
  readonly complete: string | undefined
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** How the person is told what to do. */
export interface DeviceConsent {
  show(device: DeviceCode): void | Promise<void>
  readonly signal?: AbortSignal | undefined
  /** Waits, milliseconds. */
  readonly wait?: (milliseconds: number) => Promise<unknown>
}

/** A person's consent on another machine (RFC 8628): for one without a browser. */
export async function consentByDevice(registration: Registration, consent: DeviceConsent): Promise<Tokens> {
  const { name, issuer, scopes, lasts, resource, noDevice } = registration
  const { signal } = consent
  if (noDevice !== undefined) throw noWay(name, noDevice)
  const server = await authorizationServer(registration, signal)
  if (server.device_authorization_endpoint === undefined) throw noWay(name, 'it has nothing of the kind')
  const grants = ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token']
  const client = await clientAt(server, registration, { grants }, signal)
  const asking: oauth.Client = { client_id: client.id }
  const auth = authOf(server, client)
  const options = requestOptions(registration, signal)
  const additionalParameters = resource === undefined ? {} : { resource }
  try {
    const parameters = { scope: scopes.join(' '), ...additionalParameters }
    const asked = await oauth.deviceAuthorizationRequest(server, asking, auth, parameters, options)
    const device = await oauth.processDeviceAuthorizationResponse(server, asking, asked)
    const expires = Date.now() + device.expires_in * 1000
    await consent.show({
      url: device.verification_uri,
      code: device.user_code,
      complete: device.verification_uri_complete,
      expires,
    })
    const wait = consent.wait ?? ((time) => sleep(time, undefined, signal && { signal }))
    // RFC 8628 §3.2: five seconds where it does not say.
    for (let interval = device.interval ?? 5; ;) {
      await wait(interval * 1000)
      if (Date.now() > expires) throw new RefusedError('no', '', `nobody gave consent at ${name} in time; try again`)
      try {
        const more = { ...options, additionalParameters }
        const response = await oauth.deviceCodeGrantRequest(server, asking, auth, device.device_code, more)
        const tokens = await oauth.processDeviceCodeResponse(server, asking, response)
        return tokensOf(tokens, { issuer, scopes, lasts, client }, Date.now())
      } catch (error) {
        interval = nextInterval(error, interval)
      }
    }
  } catch (error) {
    if (signal?.aborted === true) throw new PeerError('connection-lost', 'stopped')
    throw issuerError(error, { ...registration, client })
  }
}

/** RFC 8628 §3.5: how long until the next time, seconds; throws where there is none. */
function nextInterval(error: unknown, interval: number): number {
  if (error instanceof oauth.ResponseBodyError) {
    if (error.error === 'authorization_pending') return interval
    if (error.error === 'slow_down') return interval + 5
  }
  // It is asked more seldom where it does not answer.
  if (error instanceof PeerError && (error.code === 'timed-out' || error.code === 'connection-lost'))
    return interval * 2
  throw error
}

function noWay(name: string, why: string): MisuseError {
  return new MisuseError(
    'usage',
    `--device does not work with ${name}: ${why}; without it, the page can be opened on another machine, and its last address pasted here`,
  )
}
