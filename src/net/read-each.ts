import type { Socket } from 'node:net'

/**
 * Gives `take` what a socket brings, piece by piece; where that returns a promise, nothing more is read before it settles. Resolves when
 * the other side has ended, when the socket is closed, or once there is `enough`: then the socket is left as it is, not read. Rejects with what
 * went wrong on the socket, or in `take`. Leaner than the socket's own iterator, which has several promises for each piece.
 */
export function readEach(
  socket: Socket,
  take: (octets: Buffer) => Promise<void> | undefined,
  enough: () => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let waiting = false
    /** What ended it while `take` was at it, which comes after what came before it. */
    let ending: (() => void) | undefined
    const end = (how: () => void): void => {
      if (waiting) {
        ending ??= how
        return
      }
      socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError).pause()
      how()
    }
    const onEnd = (): void => end(resolve)
    const onError = (error: unknown): void => end(() => reject(error))
    const goOn = (): void => {
      waiting = false
      if (ending !== undefined) end(ending)
      else if (enough()) end(resolve)
      else socket.resume()
    }
    const onData = (octets: Buffer): void => {
      try {
        const taking = take(octets)
        if (taking === undefined) {
          if (enough()) end(resolve)
          return
        }
        waiting = true
        socket.pause()
        taking.then(goOn, (error: unknown) => {
          waiting = false
          onError(error)
        })
      } catch (error) {
        onError(error)
      }
    }
    socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError)
  })
}
