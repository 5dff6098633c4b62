import type { FindDotLine } from '../wire/find-dot-line.ts'

const needle = Buffer.from('\r\n.')
const { indexOf } = Buffer.prototype

/** Node's own search for CRLF and a dot, for the engines that take one: four times as fast as theirs. */
export const findDotLine: FindDotLine = (octets, from) => indexOf.call(octets, needle, from)
