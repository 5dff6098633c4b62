import { BlockList, isIP } from 'node:net'

/** Whether this is an address, or a network such as `10.0.0.0/8` (RFC 4632 §3.1). */
export function isNetwork(text: string): boolean {
  return parse(text) !== undefined
}

/** Whether an address lies in one of these networks. Those that are none are left out. */
export function networks(texts: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const text of texts) {
    const found = parse(text)
    if (found !== undefined) list.addSubnet(found.address, found.bits, found.family)
  }
  return (address) => {
    const plain = address.replace(/%.*$/, '')
    const version = isIP(plain)
    return version !== 0 && list.check(plain, `ipv${version === 4 ? 4 : 6}`)
  }
}

function parse(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  const most = version === 4 ? 32 : 128
  const bits = digits === undefined ? most : Number(digits)
  return version === 0 || bits > most ? undefined : { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}
